"""The errors a user can meet. A message says what happened, what was expected, and what to do."""


class StaytrueError(Exception):
    """Base of every error that is the input's fault, not the program's; the command line prints it and exits 2."""


class ConfigError(StaytrueError):
    """A setting is unknown, has the wrong type, or contradicts another. Raised before any weights load."""


class UnreadableRunError(ConfigError):
    """The settings of a run are none that this version reads."""


class ImageError(StaytrueError):
    """A photo or a folder of photos cannot be used. The message names the file."""


class BackboneError(StaytrueError):
    """A checkpoint cannot be found, read, or used in the way that was asked."""


class DamagedFileError(StaytrueError, ValueError):
    """A file that was written here is not what was written, as after a disk failed. The message names it."""


class MissingExtraError(StaytrueError):
    """An optional package is needed. The message gives the pip command."""


class ResumeError(StaytrueError):
    """A run folder cannot be continued with this configuration."""


class StaleTrainingError(ResumeError):
    """What an interrupted training left is of another one; deleting that starts it over."""
