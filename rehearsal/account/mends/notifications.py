"""SNS delivers e-mails, into a mailbox, and refuses the subjects that AWS refuses (Publish, parameter Subject)."""

from typing import Any

from ministack.services import sns

from rehearsal.account import mailbox

_MAX_SUBJECT = 100


def apply() -> None:
    """Deliver to `email` subscriptions, which count as confirmed."""
    fanout, publish = sns._fanout, sns._publish

    def deliver(topic_arn: str, msg_id: str, message: str, subject: str, *more: Any, **options: Any) -> Any:
        topic = sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": []}
        for subscription in topic["subscriptions"]:
            if subscription["protocol"] in ("email", "email-json"):
                mailbox.deliver(subscription["endpoint"], topic_arn, subject or "", message)
        return fanout(topic_arn, msg_id, message, subject, *more, **options)

    def checked(params: Any) -> Any:
        subject = sns._p(params, "Subject")
        if subject and not _is_subject(subject):
            return sns._error("InvalidParameter", "Invalid parameter: Subject", 400)
        return publish(params)

    sns._fanout = deliver
    sns._publish = checked


def _is_subject(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= _MAX_SUBJECT and not text.startswith(" ")
