"""Messages to on-call, sent through one SNS topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration.messages import Message

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


class Notices:
    """Adapter around one SNS client."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def send(self, message: Message) -> None:
        """Publishes the message; SNS delivers it to everybody who subscribed."""
        self._client.publish(TopicArn=self._topic_arn, Subject=message.subject, Message=message.body)
