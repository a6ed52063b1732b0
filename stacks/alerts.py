"""How on-call is told: the topic all messages go to, and alarms on what a message cannot tell."""

from __future__ import annotations

from aws_cdk import (
    Duration,
    Stack,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_iam,
    aws_sns,
    aws_sns_subscriptions,
    aws_sqs,
)
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from stacks.names import ALERTS_TOPIC, METRIC_NAMESPACE

REVERSE_LAG_SECONDS = 60


class Alerts(Construct):
    """The SNS topic with its e-mail subscription, which the receiver confirms once."""

    def __init__(self, scope: Construct, email: str) -> None:
        super().__init__(scope, "Alerts")
        self.topic = aws_sns.Topic(self, "Topic", topic_name=ALERTS_TOPIC, display_name="Crossfade", enforce_ssl=True)
        self.topic.add_subscription(aws_sns_subscriptions.EmailSubscription(email))
        # A topic policy of its own replaces the default one, which let the account's alarms publish.
        ours = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        self.topic.grant_publish(aws_iam.ServicePrincipal("cloudwatch.amazonaws.com", conditions=ours))

    def watch_dead_letters(self, queue: aws_sqs.IQueue) -> None:
        """An event that nobody handled: a read-shift step, a reminder or an announcement is missing."""
        self._alarm(
            "DeadLetters",
            queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic="Maximum"),
            "Crossfade could not handle an event (read-shift step, reminder or announcement). Read the message in the "
            "queue crossfade-dead-letters and the log of the function it was meant for.",
            page="dead-letters",
        )

    def watch_executions(self, machine: stepfunctions.IStateMachine) -> None:
        """The announcement's safety net: the message about a failed migration may itself have failed."""
        failed, timed_out = machine.metric_failed(), machine.metric_timed_out()
        for name, page, metric in (("Failed", "failed", failed), ("TimedOut", "timed-out", timed_out)):
            self._alarm(
                f"Executions{name}",
                metric,
                f"A Crossfade migration ended as {name}. Open the execution of crossfade-migrate in the Step Functions "
                "console: its error says who is the writer and what is left to do.",
                page=f"executions-{page}",
            )

    def watch_reverse_lag(self, source: str) -> None:
        """During the bake: the source falls behind the target, so going back would take long or lose writes."""
        metric = aws_cloudwatch.Metric(
            namespace=METRIC_NAMESPACE,
            metric_name="ReverseLagSeconds",
            dimensions_map={"Source": source},
            period=Duration.minutes(1),
            statistic="Maximum",
        )
        self._alarm(
            f"ReverseLag-{source}",
            metric,
            f"Replication from Aurora back to {source} is more than a minute behind: going back has to wait for it. "
            "A message follows when it is broken; look at the task crossfade-<migrationId>-reverse in the DMS console.",
            page="reverse-lag",
            threshold=REVERSE_LAG_SECONDS,
            evaluation_periods=5,
            datapoints_to_alarm=3,
        )

    def _alarm(
        self,
        name: str,
        metric: aws_cloudwatch.IMetric,
        description: str,
        *,
        page: str,
        threshold: float = 1,
        evaluation_periods: int = 1,
        datapoints_to_alarm: int = 1,
    ) -> None:
        alarm = aws_cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"crossfade-{name}",
            alarm_description=f"{description} Runbook: docs/runbook/{page}.md",
            metric=metric,
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            datapoints_to_alarm=datapoints_to_alarm,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(aws_cloudwatch_actions.SnsAction(self.topic))
