"""Mail: letters, and the post that takes them."""

from guildhall.infra.mail.folder import FolderPost
from guildhall.infra.mail.letters import Letter, MailRefused, mail_of
from guildhall.infra.mail.post import Post
from guildhall.infra.mail.smtp import SmtpPost
from guildhall.infra.settings import Settings
from guildhall.kernel.clock import Clock

__all__ = ["FolderPost", "Letter", "MailRefused", "Post", "SmtpPost", "mail_of", "open_post"]


def open_post(settings: Settings, clock: Clock) -> Post:
    """Give the post of a hall: its mail server, or a folder if it has none."""
    url = settings.mail.smtp_url
    if url is None:
        return FolderPost(settings.hall.data_dir / "mail", settings.mail.mail_from, clock)
    return SmtpPost.at(url.get_secret_value(), settings.mail, clock)
