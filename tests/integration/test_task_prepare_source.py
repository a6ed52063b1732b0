"""PrepareSource, twice, and its undo by StopReplication and DiscardTarget."""

import json

import boto3

from tests.integration.task_account import READER_NAME, WRITER_NAME, TaskAccount


def test_the_source_gets_what_the_migration_needs_and_loses_it_again(account: TaskAccount) -> None:
    account.deploy(AutoMinorVersionUpgrade=True)
    host = account.rds.instance("orders-db")["Endpoint"]["Address"]
    before = account.records(WRITER_NAME) + account.records(READER_NAME)
    account.run_until("PrepareSource")
    first = account.platform.secret_value(f"crossfade/{account.migration_id}/source")
    remembered = account.ledger_item(f"migration#{account.migration_id}")
    account.run("PrepareSource")

    _prepared(account, host, first, remembered)

    for name in ("StopReplication", "DiscardTarget"):
        account.run(name)
        account.run(name)
    with account.source() as session:
        assert session.run("select to_regnamespace('crossfade')") == [[None]]
        assert session.run("select count(*) from pg_roles where rolname like 'crossfade_dms%'") == [[0]]
    assert account.records(WRITER_NAME) + account.records(READER_NAME) == before
    assert account.rds.instance("orders-db")["AutoMinorVersionUpgrade"] is True
    assert account.ledger_item("source#orders") == {}
    assert (
        boto3.client("secretsmanager").list_secrets(Filters=[{"Key": "name", "Values": ["crossfade/"]}])["SecretList"]
        == []
    )


def _prepared(account: TaskAccount, host: str, login: dict[str, str], remembered: dict[str, object]) -> None:
    assert account.platform.secret_value(f"crossfade/{account.migration_id}/source") == login
    assert account.ledger_item(f"migration#{account.migration_id}") == remembered
    with account.rds.session(host, login["username"], login["password"]) as session:
        assert session.run("select count(*) from orders") == [[500]]
        assert session.run("select count(*) from crossfade.marker") == [[0]]
        session.run("create table crossfade.awsdms_heartbeat (k int)")
    for name in (WRITER_NAME, READER_NAME):
        assert account.records(name) == [{"id": "crossfade-source", "weight": 100, "host": host}]
    published = boto3.client("ssm").get_parameter(Name="/crossfade/orders/writer")["Parameter"]["Value"]
    assert json.loads(published) == {"host": host, "port": account.rds.fleet.installation.port, "generation": 1}
    assert account.rds.instance("orders-db")["AutoMinorVersionUpgrade"] is False


def test_no_password_reaches_the_state_or_the_servers_log(account: TaskAccount) -> None:
    account.deploy()
    account.run_until("PrepareSource")
    password = account.platform.secret_value(f"crossfade/{account.migration_id}/source")["password"]
    assert password not in json.dumps(account.state)
    logs = [
        path.read_text(errors="replace")
        for path in account.rds.fleet.installation.servers.rglob("*log*")
        if path.is_file()
    ]
    assert not any(password in text for text in logs)
