"""The CDK app: `cdk synth`, `cdk deploy`. Settings: cdk.json, key `crossfade` (docs/settings.md)."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App

from stacks.migration_stack import MigrationStack
from stacks.settings import SettingsError, load_settings

ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Builds the app from the context the CDK CLI hands over; a wrong setting ends it with one sentence."""
    app = App()
    try:
        settings = load_settings(app.node.try_get_context("crossfade"), ROOT)
    except SettingsError as error:
        sys.exit(f"Settings: {error}")
    MigrationStack(app, ROOT, settings)
    app.synth()


if __name__ == "__main__":
    main()
