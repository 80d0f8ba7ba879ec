"""Pictures of a decoder's gallery on this machine, for the window to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.decoding.decoder import Decoder
from core.decoding.embedding_heads import RetrievalHead
from core.decoding.storage.library import FOLDER
from core.errors import InputError
from core.machine.home import home_folder
from core.pictures.gallery import PictureFolder
from core.program import say

if TYPE_CHECKING:
    from realtime.options import Options


def pictures_for(options: Options, decoder: Decoder | None) -> PictureFolder:
    """Return the folder of pictures, as named, else that of the decoder; say what is missing.

    Parameters
    ----------
    options : Options
    decoder : Decoder or None
        None where the stream decides which one it is.

    Raises
    ------
    InputError
        If a folder is named and the decoder has no gallery of pictures.
    """
    beside = options.decoder.parent if options.decoder else home_folder(options.home) / FOLDER
    folder = PictureFolder(options.pictures or beside)
    heads = [] if decoder is None else [readout.head for readout in decoder.others]
    galleries = [head.gallery for head in heads if isinstance(head, RetrievalHead)]
    galleries = [gallery for gallery in galleries if gallery.pictures]
    if options.pictures is not None and decoder is not None and not galleries:
        raise InputError(
            "The decoder has no gallery of pictures, which --pictures is for; eegpt-calibrate fit "
            "--caption TABLE --image-encoder NAME gives it one."
        )
    for gallery in galleries:
        if missing := folder.missing(gallery):
            say(
                f"{len(missing)} of the {len(gallery.entries)} pictures of the gallery are not in "
                f"{folder.folder}, such as {missing[0]}; their names are shown. Name their folder "
                "with --pictures."
            )
    return folder
