"""What IAM's conditions ask of a request's body."""

import pytest

from rehearsal.account.resources import metric_namespace


@pytest.mark.parametrize(
    "body",
    [
        b"\xbfiNamespaceiCrossfadejMetricData\x81\xbf\xff\xff",
        b'{"Namespace": "Crossfade", "MetricData": []}',
        b"Action=PutMetricData&Namespace=Crossfade&MetricData.member.1.Value=1",
    ],
)
def test_the_namespace_of_a_metric_is_read_in_each_protocol(body: bytes) -> None:
    assert metric_namespace(body) == "Crossfade"


def test_a_body_without_one_has_none() -> None:
    assert metric_namespace(b"") == ""
