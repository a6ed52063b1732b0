"""The real databases behind instances: made, copied, given a master user, followed by standbys."""

from __future__ import annotations

import shutil
from pathlib import Path

import pg8000.native
from pg8000.native import identifier, literal

from rehearsal.account.rds.applied_parameters import server_settings
from rehearsal.account.rds.fleet import Cluster, Fleet, Instance
from rehearsal.servers.installation import SUPERUSER
from rehearsal.servers.postgres import Server, base_backup, copy_data

ADMINISTRATION_DATABASE = "rdsadmin"
# What RDS grants to rds_superuser (user guide, "Understanding the rds_superuser role").
_ROLES = f"""
create role rds_superuser nologin;
create role rds_replication nologin;
create role rds_password nologin;
grant pg_monitor, pg_signal_backend, pg_checkpoint, pg_use_reserved_connections, pg_create_subscription,
      pg_read_all_data, pg_write_all_data, rds_replication, rds_password to rds_superuser with admin option;
grant set on parameter session_replication_role to rds_superuser;
alter role {SUPERUSER} set default_transaction_read_only = off;
revoke connect on database template1 from public;
"""


def create_source(fleet: Fleet, instance: Instance, database: str | None) -> None:
    """A new server with the master user, who is no superuser, and the initial database it owns."""
    server = _server(fleet, instance, fleet.installation.servers / instance.identifier)
    server.initialise()
    server.start()
    _run(server, *_ROLES.split(";"), f"create database {ADMINISTRATION_DATABASE}")
    _run(server, f"revoke connect on database {ADMINISTRATION_DATABASE} from public")
    master = identifier(instance.view["MasterUsername"])
    _run(
        server,
        f"create role {master} login createdb createrole replication password {literal(instance.password or '')}",
        f"grant rds_superuser, rds_replication to {master} with admin option",
        f"alter database postgres owner to {master}",
    )
    if database is not None:
        _run(server, f"create database {identifier(database)} owner {master}")
    instance.server = server


def start_writer(fleet: Fleet, cluster: Cluster, instance: Instance) -> None:
    """Run the cluster's volume on `instance`; on the first start drop what the restored copy carried along."""
    server = _server(fleet, instance, cluster.volume)
    if not cluster.converted:
        convert_copy(server)
        cluster.converted = True
    server.start()
    instance.server = server
    if cluster.pending_password is not None:
        set_password(server, cluster.view["MasterUsername"], cluster.pending_password)
        cluster.pending_password = None


def start_reader(fleet: Fleet, writer: Server, instance: Instance) -> None:
    """A read-only instance that follows the writer by streaming replication."""
    server = _server(fleet, instance, fleet.installation.servers / instance.identifier)
    base_backup(fleet.installation, writer.address, server.data)
    server.follows = writer.address
    server.start()
    instance.server = server


def convert_copy(server: Server) -> None:
    """Drop the emulator's own publications and subscriptions from a copy of another server.

    Replication slots are not copied. The first start runs no apply workers, or a copied subscription would go on.
    """
    wanted = server.settings
    server.settings = {**wanted, "max_logical_replication_workers": "0"}
    server.start()
    for database in _databases(server):
        _drop_replication(server, database)
    server.stop()
    server.settings = wanted


def set_password(server: Server, master: str, password: str) -> None:
    """Change the master user's password on the server."""
    _run(server, f"alter role {identifier(master)} password {literal(password)}")


def apply_parameters(instance: Instance, *, restart: bool) -> None:
    """Give the running parameters to the server, by reload or by restart; a stopped server takes them at its start."""
    server = instance.server
    if server is None:
        return
    server.settings = server_settings(instance.parameters.running)
    if restart:
        server.stop()
        server.start()
    elif server.running:
        server.reload()


def switch_over(cluster: Cluster, writer: Instance, reader: Instance) -> None:
    """Let `reader` take the cluster's volume and `writer` follow it, as on Aurora's shared storage.

    The volume itself changes hands, so no committed transaction, slot or subscription can be lost.
    """
    volume, copy = writer.server, reader.server
    if volume is None or copy is None:
        raise RuntimeError(f"{cluster.identifier}: an instance does not run")
    volume.stop()
    copy.stop()
    copy.data, volume.data = volume.data, copy.data
    copy.follows, volume.follows = None, copy.address
    copy.settings, volume.settings = (server_settings(one.parameters.running) for one in (reader, writer))
    copy.start()
    volume.start()


def save(fleet: Fleet, address: str, target: Path) -> None:
    """Copy the live server at `address` into a snapshot directory, as of now."""
    base_backup(fleet.installation, address, target)


def restore(fleet: Fleet, snapshot: Path, volume: Path) -> None:
    """Fill a new cluster volume from a snapshot."""
    copy_data(fleet.installation, snapshot, volume)


def remove(instance: Instance) -> None:
    """End the instance's server and delete its data."""
    if instance.server is not None:
        instance.server.stop(crash=True)
        shutil.rmtree(instance.server.data, ignore_errors=True)
        instance.server = None


def _server(fleet: Fleet, instance: Instance, data: Path) -> Server:
    return Server(fleet.installation, data, instance.address, server_settings(instance.parameters.running))


def _run(server: Server, *statements: str, database: str = "postgres") -> None:
    with server.session(database) as session:
        for statement in statements:
            if statement.strip():
                session.run(statement)


def _databases(server: Server) -> list[str]:
    return [str(row[0]) for row in server.run("select datname from pg_database where datallowconn order by 1")]


def _drop_replication(server: Server, database: str) -> None:
    with server.session(database) as session:
        for name in _own(
            session, "select subname from pg_subscription s join pg_database d on d.oid = s.subdbid", "sub"
        ):
            session.run(f"alter subscription {name} disable")
            session.run(f"alter subscription {name} set (slot_name = none)")
            session.run(f"drop subscription {name}")
        for name in _own(session, "select pubname from pg_publication", "pub"):
            session.run(f"drop publication {name}")


def _own(session: pg8000.native.Connection, select: str, prefix: str) -> list[str]:
    here = " and d.datname = current_database()" if prefix == "sub" else ""
    rows = session.run(f"{select} where {prefix}owner = '{SUPERUSER}'::regrole{here}")
    return [identifier(str(row[0])) for row in rows or []]
