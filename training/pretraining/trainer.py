"""The loop: one process's part of a pretraining run."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.encoders.spec import EncoderSpec
from core.errors import InputError
from core.machine.malloc import trim
from training.pretraining.distributed import Interruption, Processes
from training.pretraining.output.checkpoints import (
    TrainingProgress,
    load_checkpoint,
    save_checkpoint,
)
from training.pretraining.output.curves import Curves
from training.pretraining.output.folder import RunFolder, check_same_store
from training.pretraining.parallel import is_sharded, shared, unsynchronised
from training.pretraining.schedule import one_cycle
from training.pretraining.settings import PretrainSettings
from training.pretraining.windows import Group, WindowStore
from training.recipes import recipe_of
from training.recipes.base import ModelOutputs, Reconstruction, collapse, parameter_groups

_BETA2 = 0.999
_MIXED = {"bf16": torch.bfloat16, "fp16": torch.float16}
_DROPOUT = 5  # stream of random numbers from the run's seed, beside those of the windows
_VALIDATION_SEED = 0  # of every run: their validation losses can be compared


@dataclass(frozen=True)
class _Piece:
    """What the model takes at once, and how many windows of it count."""

    count: int
    windows: Tensor
    drawn: tuple[Tensor, ...]


class Trainer:
    """A run in this process.

    Parameters
    ----------
    settings : PretrainSettings
    training, validation : WindowStore
        Without validation, no checkpoint is the best.
    world : Processes
    tell : callable
        Called with a line for the person who waits.

    Raises
    ------
    InputError
        If the settings do not fit the store or the number of processes.
    """

    def __init__(
        self,
        settings: PretrainSettings,
        training: WindowStore,
        validation: WindowStore | None,
        world: Processes,
        tell: Callable[[str], object] = lambda line: None,
    ) -> None:
        if settings.batch % world.count:
            raise InputError(
                f"A batch of {settings.batch} windows cannot be shared by {world.count} processes; "
                "set --batch to a multiple."
            )
        self.settings, self.world, self.tell = settings, world, tell
        self.recipe = recipe = recipe_of(settings)
        _check_store(training, recipe.spec)
        self.windows = recipe.windows(training)
        recipe.measure(self.windows)
        self.steps = self.windows.steps()
        self.step = 0  # updates done
        self.best: float | None = None
        self._validation = (
            None if validation is None else recipe.windows(validation, _VALIDATION_SEED)
        )
        self._manifest_sha256 = training.manifest_sha256

        recipe.model.to(world.device)
        self.parts = recipe.parts.to(world.device)
        if settings.precision == "medium":
            torch.set_float32_matmul_precision("medium")
        self._model = shared(recipe.model, world, settings.parallel, recipe.units)
        groups = parameter_groups(self.parts, settings.rate.weight_decay)
        self.optimiser = torch.optim.AdamW(groups, fused=True)  # one pass over all weights
        self._scaler = torch.amp.GradScaler(world.device.type, enabled=settings.precision == "fp16")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the curves: those of every run, and the recipe's losses."""
        losses = self.recipe.losses
        return (
            *("step", "epoch", *losses, "loss", "learning_rate", "beta1", *self.recipe.followed),
            *("windows_per_second", "token_variance", "token_rank"),
            *(f"validation_{name}" for name in losses),
        )

    def load(self, folder: RunFolder) -> None:
        """Take up a run where its last checkpoint left it.

        Raises
        ------
        InputError
            If the checkpoint is missing, damaged, or was trained on another store.
        """
        progress = load_checkpoint(folder.last, self.parts, self._named, self.optimiser)
        check_same_store(folder.last, progress.manifest_sha256, self._manifest_sha256)
        self.step, self.best = progress.step, progress.best
        if progress.loss_scale:
            self._scaler.load_state_dict(progress.loss_scale)

    def save(self, folder: RunFolder) -> None:
        """Write the last checkpoint; every process takes part."""
        save_checkpoint(
            folder.last, self.parts, self._progress(), self.optimiser, write=self.world.first
        )

    def run(self, folder: RunFolder, interruption: Interruption) -> int:
        """Train to the end, or until asked to stop.

        Returns
        -------
        int
            0 at the end; 128 and the signal's number after an interruption, all saved.

        Raises
        ------
        InputError
            If a loss is no finite number; the last good checkpoint stays.
        """
        curves = Curves(folder, self.settings) if self.world.first else None
        spent, since = 0.0, self.step
        with ThreadPoolExecutor(1, "windows") as reader:  # reads the next batch meanwhile
            coming = reader.submit(self._batch, self.step)
            while self.step < self.steps:
                begin = time.perf_counter()
                groups = coming.result()
                if self.step + 1 < self.steps:
                    coming = reader.submit(self._batch, self.step + 1)
                row, tokens, stop = self.update(groups, interruption.signal)
                spent += time.perf_counter() - begin
                due = self._due(self.settings.validate_every)
                held_out = self.validate(folder, curves) if due else {}
                if self._due(self.settings.log_every) or held_out:
                    variance, rank = collapse(tokens)
                    speed = self.settings.batch * (self.step - since) / spent
                    row |= held_out | {"token_variance": variance, "token_rank": rank}
                    row |= {"windows_per_second": round(speed, 2)}
                    if curves is not None:
                        curves.add(row)
                        self._say(row)
                    spent, since = 0.0, self.step
                if self._due(self.settings.checkpoint_every) or stop:
                    self.save(folder)
                trim()  # the next step's tensors have other sizes
                if stop and self.step < self.steps:
                    self.tell(f"Stopped by a signal at step {self.step}; everything is saved.")
                    return 128 + stop
        self.world.wait()
        return 0

    def update(self, groups: list[Group], stop: int = 0) -> tuple[dict[str, Any], Tensor, int]:
        """Make one step.

        Parameters
        ----------
        groups : list of Group
            This process's share of the batch.
        stop : int
            Number of a signal that this process got, or 0.

        Returns
        -------
        row : dict
            Losses of the whole batch and what the schedules say, for the curves.
        tokens : Tensor, shape (windows, patches, summary tokens, width)
            Of this process's windows, aligned with.
        stop : int
            Number of a signal that any process got, or 0.
        """
        settings, step = self.settings, self.step
        rate, beta1 = one_cycle(step, self.steps, settings.rate)
        for group in self.optimiser.param_groups:
            group["lr"], group["betas"] = rate, (beta1, _BETA2)
        self.optimiser.zero_grad(set_to_none=True)
        names = self.recipe.losses
        sums = self._zeros(len(names) + 2)  # of each loss, of what is minimised, of signals
        sums[-1] = float(stop > 0)
        tokens = []
        pieces = self._pieces(groups)
        with self._seeded():
            for number, piece in enumerate(pieces, 1):
                share = piece.count / settings.batch
                with unsynchronised(self._model, number < len(pieces)):
                    outputs = self._outputs(self._model, piece)
                    minimised = self.recipe.minimised(outputs.losses, step)
                    # Gradients are averaged over the processes: their sum is wanted.
                    self._scaler.scale(minimised * share * self.world.count).backward()
                for place, name in enumerate(names):
                    sums[place] += share * outputs.losses[name].detach()
                sums[-2] += share * minimised.detach()
                if piece.count:
                    tokens.append(outputs.tokens)
        *means, loss, signals = self.world.total(sums).tolist()
        losses = dict(zip(names, means, strict=True))
        if not math.isfinite(sum(means)):
            raise InputError(self._not_finite(groups, losses))
        self._scaler.step(self.optimiser)
        self._scaler.update()
        followed = self.recipe.after_step(step, self.steps)
        self.step += 1
        row = {
            "step": self.step,
            "epoch": round(self.step * settings.batch / self.windows.per_epoch, 4),
            **losses,
            "loss": loss,
            "learning_rate": rate,
            "beta1": beta1,
            **followed,
        }
        return row, torch.cat(tokens), (stop or signal.SIGTERM) if signals else 0

    @torch.no_grad()
    def validate(self, folder: RunFolder, curves: Curves | None = None) -> dict[str, float]:
        """Return the losses on the people held out, and keep the checkpoint if it is the best.

        What the recipe shows of their first window is drawn with the curves, if wanted.
        """
        if self._validation is None:
            return {}
        batch = self.settings.batch
        batches = max(1, self.settings.validation_windows // batch)
        names = self.recipe.losses
        sums = self._zeros(len(names))
        picture: Reconstruction | None = None
        for number in range(batches):
            groups = self._validation.batch(number, self.world.rank, self.world.count)
            for piece in self._pieces(groups):
                outputs = self._outputs(self.recipe.model, piece)
                share = piece.count / (batches * batch)
                sums += share * torch.stack([outputs.losses[name] for name in names])
                if curves is not None and picture is None and outputs.made is not None:
                    picture = self.recipe.picture(
                        piece.windows[:1].cpu(),
                        [tensor.cpu() for tensor in piece.drawn],
                        outputs.made[:1].cpu(),
                    )
        losses = dict(zip(names, self.world.total(sums).tolist(), strict=True))
        if self.best is None or losses[self.recipe.chooses] < self.best:
            self.best = losses[self.recipe.chooses]
            save_checkpoint(folder.best, self.parts, self._progress(), write=self.world.first)
        if curves is not None and picture is not None:
            curves.draw(self.step, picture)
        return {f"validation_{name}": value for name, value in losses.items()}

    def _due(self, every: int) -> bool:
        """Whether something is to be done after this step; everything is after the last."""
        return self.step % every == 0 or self.step == self.steps

    def _batch(self, step: int) -> list[Group]:
        return self.windows.batch(step, self.world.rank, self.world.count)

    def _pieces(self, groups: list[Group]) -> list[_Piece]:
        """Return what the model takes, no more windows at once than fit."""
        device = self.world.device
        pieces = []
        for group in groups:
            drawn = tuple(torch.from_numpy(array).to(device) for array in group.drawn)
            most = self.settings.micro_batch or len(group.windows)
            for start in range(0, len(group.windows), most):
                windows = torch.from_numpy(group.windows[start : start + most])
                pieces.append(_Piece(len(windows), windows.to(device), drawn))
        if is_sharded(self._model):
            # Weights are gathered for every piece, which takes all processes: those that have
            # fewer montages compute one of theirs again, for nothing.
            pieces += [replace(pieces[0], count=0)] * (self.world.most(len(pieces)) - len(pieces))
        return pieces

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """Draw what the model draws itself (dropout) by seed, step and process alone."""
        device = self.world.device
        numbers = (self.settings.seed, _DROPOUT, self.step, self.world.rank)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]))
            yield

    def _outputs(self, model: torch.nn.Module, piece: _Piece) -> ModelOutputs:
        kind = _MIXED.get(self.settings.precision)
        device = self.world.device.type
        with nullcontext() if kind is None else torch.autocast(device, dtype=kind):
            outputs: ModelOutputs = model(piece.windows, *piece.drawn)
        return outputs

    @property
    def _named(self) -> str:
        """What a checkpoint is of."""
        return f"{self.settings.recipe} {self.recipe.spec.size}"

    def _zeros(self, count: int) -> Tensor:
        """Return zeros to add losses to, where they are computed."""
        kind = (
            torch.float32 if self.world.device.type == "mps" else torch.float64
        )  # it has no other
        return torch.zeros(count, dtype=kind, device=self.world.device)

    def _progress(self) -> TrainingProgress:
        return TrainingProgress(
            self.step,
            self._named,
            self._manifest_sha256,
            self.best,
            self._scaler.state_dict() or None,
        )

    def _not_finite(self, groups: list[Group], losses: dict[str, float]) -> str:
        listed = ", ".join(f"{name} {value:g}" for name, value in losses.items())
        message = (
            f"The loss of step {self.step + 1} is not finite ({listed}), so training stops; the "
            "last good checkpoint stays"
        )
        for group in groups:
            for window, recording in zip(group.windows, group.recordings, strict=True):
                if not math.isfinite(float(window.sum())):
                    return f"{message}. Recording {recording} of the training part is not finite."
        return f"{message}. Try a lower --rate.peak, or --precision bf16 or fp32."

    def _say(self, row: dict[str, Any]) -> None:
        names = self.recipe.losses
        line = (
            f"step {row['step']} of {self.steps}  "
            + "".join(f"{name} {row[name]:.4f}  " for name in names)
            + f"token variance {row['token_variance']:.2g}, rank {row['token_rank']:.1f}  "
            f"{row['windows_per_second']:g} windows/s"
        )
        if f"validation_{names[0]}" in row:
            held_out = ", ".join(f"{row[f'validation_{name}']:.4f}" for name in names)
            line += f"  held out: {held_out}"
        self.tell(line)


def _check_store(store: WindowStore, spec: EncoderSpec) -> None:
    """Refuse a store whose windows are not what the encoder takes."""
    if (store.rate, store.unit) != (spec.rate, spec.unit):
        raise InputError(
            f"The store holds {store.unit} at {store.rate:g} Hz and the model takes {spec.unit} at "
            f"{spec.rate:g} Hz; prepare it again for this model."
        )
