"""The marker written behind the fence does not reach the target: the source opens again."""

from rehearsal.light import Scenario, Story

AWAY_SECONDS = 12.0
"""Real ones; longer than the stall may take."""
HOLD = f"""
create function crossfade.hold_marker() returns trigger language plpgsql as $$
begin
    if new.id like 'cut-over/%' and exists (select from crossfade.marker where id like 'cut-over/%') then
        perform pg_sleep({AWAY_SECONDS});
    end if;
    return new;
end $$;
create trigger hold_marker before insert on crossfade.marker for each row execute function crossfade.hold_marker();
alter table crossfade.marker enable always trigger hold_marker;
"""


def story(it: Story) -> None:
    """The marker of the preparation passes, that of the stall is held on the target."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    with it.shop.master(str(it.shop.target_host())) as session:
        session.run(HOLD)
    it.operate("approve")


SCENARIOS = [Scenario("fail_marker_never_arrives", story, ends=("MigrationRolledBack",), limit_seconds=180.0)]
