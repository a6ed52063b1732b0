"""The first capacity range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.capacity import CEILING_ACU, InstanceSize, first_range, instance_size, on_grid


@pytest.mark.parametrize(
    ("instance_class", "memory_gib", "vcpus"),
    [
        ("db.t3.micro", 1, 2),
        ("db.t4g.medium", 4, 2),
        ("db.m6g.large", 8, 2),
        ("db.m6gd.2xlarge", 32, 8),
        ("db.r6g.large", 16, 2),
        ("db.r7g.16xlarge", 512, 64),
        ("db.x2g.large", 32, 2),
        ("db.t3.2xlarge", 32, 8),
    ],
)
def test_sizes_as_aws_names_them(instance_class: str, memory_gib: float, vcpus: int) -> None:
    assert instance_size(instance_class) == InstanceSize(memory_gib, vcpus)


@pytest.mark.parametrize("instance_class", ["db.serverless", "", "db.r6g.metal", "r6g.large", "db.q9.large"])
def test_what_aws_does_not_name_has_no_size(instance_class: str) -> None:
    assert instance_size(instance_class) is None


def test_twice_the_source_at_the_top_a_quarter_of_its_memory_at_the_bottom() -> None:
    chosen = first_range("db.r6g.2xlarge")
    assert (chosen.min_acu, chosen.max_acu) == (8.0, 64.0)
    assert chosen.reason == "db.r6g.2xlarge has 64 GiB and 8 vCPU, about 32 ACU"


def test_a_small_source_gets_what_performance_insights_needs() -> None:
    assert first_range("db.t3.micro").min_acu == 2.0


def test_an_unknown_class_gets_a_middle_range_and_says_so() -> None:
    chosen = first_range("db.future.huge")
    assert (chosen.min_acu, chosen.max_acu) == (2.0, 32.0)
    assert "db.future.huge" in chosen.reason


CLASSES = st.builds(
    "db.{}{}g.{}".format,
    st.sampled_from("tmrx"),
    st.integers(3, 9),
    st.sampled_from(["micro", "small", "medium", "large", "xlarge", "2xlarge", "12xlarge", "24xlarge"]),
)


@given(CLASSES, st.sampled_from([16.0, 64.0, 128.0, 256.0]))
def test_every_range_is_one_aurora_accepts(instance_class: str, ceiling: float) -> None:
    chosen = first_range(instance_class, ceiling)
    assert 0.5 <= chosen.min_acu <= chosen.max_acu <= ceiling
    assert chosen.max_acu >= 1
    assert chosen.min_acu * 2 == int(chosen.min_acu * 2)
    assert chosen.max_acu * 2 == int(chosen.max_acu * 2)


@given(st.integers(0, int(CEILING_ACU * 1000)))
def test_the_grid_goes_up_by_less_than_half_an_acu(thousandths: int) -> None:
    acu = thousandths / 1000
    assert acu <= on_grid(acu) < acu + 0.5
