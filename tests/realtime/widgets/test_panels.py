from dataclasses import replace

from realtime.widgets.panels import status_cells


def words(snapshot):
    return " | ".join(f"{c.caption} {c.value} {c.detail}" for c in status_cells(snapshot))


def test_the_status_line_names_stream_rate_loss_age_and_decoder(make_view):
    text = words(make_view().state)
    for fact in (
        "actiCHamp-0123",
        "EEG",
        "20110123-A",
        "lab-recorder-2",
        "159.98 Hz",
        "nominal 160 Hz",
        "Lost 0 samples",
        "31 ms",
        "48 ms",
        "S001",
        "hybrid",
        "untrained",
        "73 %",
        "guessing: up to 62 %",
        "45 trials",
    ):
        assert fact in text


def test_what_is_not_known_yet_is_not_made_up(make_view):
    view = make_view()
    stream = replace(
        view.state.stream,
        measured_rate=None,
        age_p50_ms=None,
        age_p95_ms=None,
        source_id="",
        nominal_rate=0.0,
        name="",
    )
    view.change(stream=stream, decoder=None)
    text = words(view.state)
    assert "measuring" in text
    assert "no source id" in text
    assert "(no name)" in text
    assert "Decoder none signals only" in text
    assert "%" not in text.replace("95 %", "")


def warned(snapshot):
    return {cell.caption for cell in status_cells(snapshot) if cell.warn}


def test_what_deserves_a_look_is_marked(make_view):
    view = make_view()
    trained = replace(view.state.decoder, encoder="eegpt-large")
    view.change(decoder=trained)
    assert warned(view.state) == set()
    view.change(
        stream=replace(view.state.stream, lost_samples=1, measured_rate=140.0),
        decoder=replace(trained, score=0.6, encoder="eegpt-small untrained"),
    )
    assert warned(view.state) == {"Lost", "Rate", "Decoder", "Cross-validated"}
    assert "1 sample" in words(view.state)


def test_the_status_line_says_whether_the_reference_is_the_runs_own(make_view):
    view = make_view()
    assert "recentr" not in words(view.state)
    view.change(recentring="recentring in 23 s")
    assert f"{view.state.decoder.encoder} · recentring in 23 s" in words(view.state)
