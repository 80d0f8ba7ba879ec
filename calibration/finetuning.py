"""Training a spatial filter and a probe through the frozen encoder, kept only if that wins.

The fit's spatial filter is in closed form and its head is convex. This goes on from there as the
paper does: both are trained by gradient descent, the filter through the encoder, whose weights
stay as they are. What comes out is a decoder like any other: a filter and a linear head.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from calibration.fit_settings import NO_REFINING
from calibration.fitting import Fit
from core.decoding.card import CHOICE, EncoderPin
from core.decoding.decoder import Decoder
from core.decoding.heads import LinearHead, with_temperature
from core.decoding.rest import without_rest
from core.decoding.spatial import channel_covariance, spatial_filter
from core.encoders import Encoder, load_encoder
from core.encoders.known import remember
from core.errors import InputError
from core.fitting.choice import is_better
from core.fitting.selection import Score
from core.fitting.trust import find_trust
from core.metrics import balanced_accuracy

NAME = "refined"
"""The candidate's name beside the heads."""


@dataclass(frozen=True)
class RefineSettings:
    """How filter and probe are trained.

    Attributes
    ----------
    epochs : int
        At most; the one-cycle schedule is made for so many.
    patience : int
        Epochs without a lower loss on held-out trials after which training stops.
    batch : int
        Trials in a step.
    rate : float
        Highest learning rate.
    decay : float
        AdamW's weight decay.
    hidden : int
        Outputs of the probe's first layer.
    dropout : float
    first_norm, second_norm : float
        Largest norm of a row of each layer.
    held_out : float
        Share of the training trials that early stopping watches.
    folds : int
        Of the comparison with the head that was chosen.
    seed : int

    Notes
    -----
    Values of the published code for BCI Competition IV 2a (Wang et al. 2024, EEGPT, NeurIPS,
    appendix). Two things differ. The probe sees mean and spread over the window's patches instead
    of all of them in a row, since a live window has no fixed place after a cue. And a row of the
    filter may be as long as it was in closed form, instead of 1, which keeps the signal's scale.
    """

    epochs: int = 100
    patience: int = 20
    batch: int = 64
    rate: float = 4e-4
    decay: float = 0.01
    hidden: int = 16
    dropout: float = 0.5
    first_norm: float = 1.0
    second_norm: float = 0.25
    held_out: float = 0.2
    folds: int = 5
    seed: int = 0


class Probe(nn.Module):
    """A spatial filter, a frozen encoder, and two linear layers on its pooled tokens.

    Parameters
    ----------
    encoder : Encoder
        Its weights get no gradient.
    ch_names : tuple of str
        Which electrode each channel is.
    spatial : ndarray, shape (channels, channels)
        The filter to begin with.
    classes : int
    settings : RefineSettings
    """

    def __init__(
        self,
        encoder: Encoder,
        ch_names: tuple[str, ...],
        spatial: np.ndarray,
        classes: int,
        settings: RefineSettings,
    ) -> None:
        super().__init__()
        _, tokens, width = encoder.spec.token_shape(len(ch_names))
        size = 2 * tokens * width
        self._encoder = [encoder]  # in a list: no part of this module, its weights are not ours
        self._ch_names = ch_names
        self.spatial = nn.Parameter(torch.from_numpy(spatial).float())
        self.first = nn.Linear(size, settings.hidden)
        self.second = nn.Linear(settings.hidden, classes)
        self.dropout = nn.Dropout(settings.dropout)
        self.centre: Tensor
        self.scale: Tensor
        self.longest: Tensor
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("longest", self.spatial.detach().norm(dim=1))
        self._largest = (settings.first_norm, settings.second_norm)

    def pooled(self, windows: Tensor) -> Tensor:
        """Return mean and spread over patches, shape (trials, features).

        Parameters
        ----------
        windows : Tensor, shape (trials, channels, samples)
        """
        encoder = self._encoder[0]
        return encoder.pooled(encoder.tokens(self.spatial @ windows, self._ch_names))

    def fit(self, windows: Tensor) -> None:
        """Take centre and scale of the features from trials, once."""
        with torch.no_grad():
            features = self.pooled(windows)
            self.centre = features.mean(dim=0)
            self.scale = features.var(dim=0, correction=0).mean().sqrt().clamp(min=1e-6)

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits, shape (trials, classes)."""
        features = (self.pooled(windows) - self.centre) / self.scale
        logits: Tensor = self.second(self.first(self.dropout(features)))
        return logits

    def constrain(self) -> None:
        """Shorten every row that has grown beyond its norm."""
        with torch.no_grad():
            shorter = (self.longest / self.spatial.norm(dim=1)).clamp(max=1.0)
            self.spatial.mul_(shorter[:, None])
            for layer, largest in zip((self.first, self.second), self._largest, strict=True):
                layer.weight.copy_(layer.weight.renorm(2, 0, largest))

    def head(self) -> LinearHead:
        """Return the two layers as the one linear map that they are."""
        first, second = self.first, self.second
        with torch.no_grad():
            weights = (second.weight @ first.weight).T
            bias = second.weight @ first.bias + second.bias
        centre = self.centre.double().cpu().numpy()
        return LinearHead(
            centre=centre,
            scale=np.full(len(centre), float(self.scale)),
            weights=weights.double().cpu().numpy(),
            bias=bias.double().cpu().numpy(),
        )


def refine(
    fit: Fit, source: str, settings: RefineSettings | None = None, home: Path | None = None
) -> Fit:
    """Train filter and probe, and put them in the decoder's place if they do better.

    Every fold's trials are left out of all training, early stopping too, and decided by what was
    trained on the others. The decoder is replaced if these decisions are better than those of the
    head that was chosen, on the same trials, and significantly so.

    Parameters
    ----------
    fit : Fit
    source : str
        The encoder, as `core.encoders.load_encoder` takes it.
    settings : RefineSettings, optional
    home : Path, optional
        Folder that keeps downloaded encoders, as in `core.encoders.load_encoder`.

    Returns
    -------
    Fit
        With the candidate "refined" among the scores, and as the choice if it won. The score of
        the choice counts, for every fold, the decisions of what wins by the other folds.

    Raises
    ------
    InputError
        If the decoder passes over the first seconds after the cue or regresses electrodes out, or
        the encoder pools its tokens in a way of its own.

    Notes
    -----
    A GPU is used if there is one. The doubt is that of Nadeau and Bengio (2003), Machine Learning
    52(3), equation 9: a one-sided t-test at 5 % on folds that share training trials.
    """
    if fit.decoder.skip or fit.taken.regression is not None:
        raise InputError(NO_REFINING)
    settings = settings or RefineSettings()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = load_encoder(source, home=home).eval().requires_grad_(False).to(device)
    if type(encoder).pool is not Encoder.pool:
        raise InputError(
            "--refine trains on mean and spread of tokens, and the encoder "
            f"{encoder.spec.label} has features of its own; leave --refine out, or take another "
            "encoder."
        )
    epochs, channels = fit.epochs, fit.decoder.settings.channels
    windows = torch.from_numpy(epochs.windows()).float().to(device)
    labels, classes = epochs.labels, len(epochs.classes)

    def trained(trials: np.ndarray, seed: int) -> Probe:
        spatial = spatial_filter(
            channel_covariance(windows[trials].cpu().numpy()), channels, encoder.spec
        )
        with torch.random.fork_rng(devices=[windows.device] if device == "cuda" else []):
            torch.manual_seed(seed)
            probe = Probe(encoder, channels, spatial, classes, settings).to(device)
            parts = epochs.folds(seed, trials, max(round(1 / settings.held_out), 2))
            return train(probe, windows[trials], labels[trials], next(parts), settings, seed)

    logits = np.empty((len(labels), classes))
    folds = list(epochs.folds(settings.seed, most=settings.folds))
    for number, (inside, outside) in enumerate(folds):
        probe = trained(inside, settings.seed + number)
        with torch.inference_mode():
            logits[outside] = probe(windows[outside]).double().cpu().numpy()
    decided = logits.argmax(axis=1)
    right = decided == labels
    before = fit.selection.scores[fit.selection.chosen].decided[0] == labels
    reached = tuple(float(right[test].mean()) for _, test in folds)
    score = Score(balanced_accuracy(labels, decided), reached, decided[None])
    gains = np.array([right[test].mean() - before[test].mean() for _, test in folds])
    share = 1.0 / (len(folds) - 1)
    chosen_again = fit.selection.score.decided[0].copy()
    for number, (_, test) in enumerate(folds):
        if is_better(np.delete(gains, number), share):  # by what the other folds show
            chosen_again[test] = decided[test]
    again = tuple(float(np.mean(chosen_again[test] == labels[test])) for _, test in folds)
    choice = Score(balanced_accuracy(labels, chosen_again), again, chosen_again[None])
    scores = {**fit.selection.scores, NAME: score, CHOICE: choice}
    facts = replace(
        fit.decoder.facts, scores={name: score.balanced_accuracy for name, score in scores.items()}
    )
    fit = replace(fit, decoder=replace(fit.decoder, facts=facts))
    if not is_better(gains, share):
        return replace(fit, selection=replace(fit.selection, scores=scores))
    remember(source, encoder.weights_sha256(), home)
    selection = replace(fit.selection, scores=scores, chosen=NAME, logits=logits)
    probe = trained(np.arange(len(labels)), settings.seed)
    head = with_temperature(probe.head(), logits, labels)
    trust = find_trust(logits, labels, folds)
    facts = replace(facts, fit={**facts.fit, "trust": trust.as_facts()})
    decoder = _decoder(replace(fit.decoder, facts=facts), probe, head, encoder, source, settings)
    return replace(fit, decoder=decoder, selection=selection, trust=trust)


def train(
    probe: Probe,
    windows: Tensor,
    labels: np.ndarray,
    parts: tuple[np.ndarray, np.ndarray],
    settings: RefineSettings,
    seed: int,
) -> Probe:
    """Train on one part of the trials, stop by the other, and return the probe at its best."""
    known, watched = parts
    truth = torch.from_numpy(labels).to(windows.device)
    probe.fit(windows[known])
    optimiser = torch.optim.AdamW(probe.parameters(), lr=settings.rate, weight_decay=settings.decay)
    steps = -(-len(known) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        settings.rate,
        epochs=settings.epochs,
        steps_per_epoch=steps,
        pct_start=0.2,
    )
    order = np.random.default_rng(seed)
    loss = nn.CrossEntropyLoss()
    best, since = float("inf"), 0
    state = {name: tensor.clone() for name, tensor in probe.state_dict().items()}
    for _ in range(settings.epochs):
        probe.train()
        for batch in np.array_split(order.permutation(known), steps):
            optimiser.zero_grad()
            loss(probe(windows[batch]), truth[batch]).backward()
            optimiser.step()
            schedule.step()
            probe.constrain()
        probe.eval()
        with torch.inference_mode():
            reached = float(loss(probe(windows[watched]), truth[watched]))
        since += 1
        if reached < best:
            best, since = reached, 0
            state = {name: tensor.clone() for name, tensor in probe.state_dict().items()}
        if since >= settings.patience:
            break
    probe.load_state_dict(state)
    return probe.eval()


def _decoder(
    before: Decoder,
    probe: Probe,
    head: LinearHead,
    encoder: Encoder,
    source: str,
    settings: RefineSettings,
) -> Decoder:
    """Return the decoder with the trained filter and probe in the place of its head."""
    facts = replace(
        before.facts,
        head=NAME,
        fit={**without_rest(before.facts.fit), NAME: asdict(settings)},
    )
    return replace(
        before,
        head=head,
        tangents=(),
        spatial=probe.spatial.detach().double().cpu().numpy(),
        encoder=EncoderPin.of(encoder, source),
        warmup=encoder.spec.warmup,
        facts=facts,
    )
