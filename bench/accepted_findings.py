"""What cdk-nag's AwsSolutions rules report and we accept, each with its reason. Anything else fails `make check`."""

from __future__ import annotations

# The name of a finding (a regular expression) -> why it is right as it is.
ACCEPTED = {
    r"AwsSolutions-L1": "Python 3.13 is chosen, not the newest: layer and bytecode are made and tested for it.",
    r"AwsSolutions-SF2": "X-Ray is the setting `tracing`, off by default because it costs per trace.",
    r"AwsSolutions-IAM4\[.*AmazonDMS(VPCManagement|CloudWatchLogs)Role\]": "DMS wants exactly these managed policies "
    "on roles of these fixed names (DMS user guide, 'Creating the IAM roles to use with AWS DMS').",
    r"AwsSolutions-IAM5\[Resource::\*\]": "Only actions without resource types (stacks/grants.py, NO_RESOURCE_TYPE), "
    "the network interfaces Lambda asks for (stacks/network.py), and the log delivery of Step Functions and X-Ray.",
    r"AwsSolutions-IAM5\[Resource::.*:(cluster|db|snapshot|cluster-snapshot|cluster-pg):crossfade-\*\]": "Names of a "
    "migration's resources begin so; the rest is the migration id, unknown when the app is deployed.",
    r"AwsSolutions-IAM5\[Resource::.*:(pg:\*|pg:default\.\*|og:default:\*|subgrp:\*)\]": "Parameter, option and subnet "
    "groups are the source's own or AWS's defaults; only reading them or using them in a new cluster is allowed.",
    r"AwsSolutions-IAM5\[Resource::.*:dms:.*:(rep|endpoint|task|subgrp):\*\]": "DMS makes the last part of these ARNs.",
    r"AwsSolutions-IAM5\[Resource::.*:secret:crossfade/\*\]": "Secrets made for DMS; the rest is the migration id.",
    r"AwsSolutions-IAM5\[Resource::.*:secret:rds!cluster-\*\]": "RDS names the secret of a cluster it has yet to make.",
    r"AwsSolutions-IAM5\[Resource::.*:parameter/crossfade/sources/\*\]": "An unknown source must end in 'not found', "
    "which is one clear sentence, not in 'access denied'.",
    r"AwsSolutions-IAM5\[Resource::.*:execution:crossfade-migrate:\*\]": "Executions get their names when they start.",
    r"AwsSolutions-IAM5\[Resource::.*:schedule/crossfade/crossfade-\*\]": "Schedules of migrations; the id follows.",
    r"AwsSolutions-IAM5\[Resource::.*:change/\*\]": "Route 53 makes the id of a change.",
    r"AwsSolutions-IAM5\[Resource::.*:kms:.*:key/\*\]": "DescribeKey of the account's default key for secrets, whose "
    "id is known to AWS only.",
}
