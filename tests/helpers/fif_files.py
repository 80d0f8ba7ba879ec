"""Recordings as FIF files, which MNE writes."""


def write_fif(recording, path, labels=None):
    """Write a recording with its events as annotations, and return the path.

    labels: event's label -> what is written in its place.
    """
    import mne

    labels, events = labels or {}, recording.events
    info = mne.create_info(list(recording.labels), recording.rate, "eeg")
    raw = mne.io.RawArray(recording.samples_uv.T * 1e-6, info, verbose="ERROR")
    raw.set_annotations(
        mne.Annotations(
            [event.onset for event in events],
            [event.duration for event in events],
            [labels.get(event.label, event.label) for event in events],
        )
    )
    path.parent.mkdir(exist_ok=True)
    raw.save(path, verbose="ERROR")
    return path
