"""The network of the functions that talk to databases; what it must offer is in docs/network.md."""

from __future__ import annotations

from aws_cdk import aws_iam, aws_lambda

from stacks.settings import NetworkSettings

# Lambda asks for these six on `*` before it attaches a function to a VPC (Lambda guide, configuration-vpc.html,
# "Required IAM permissions"); the Describe actions have no resource types (service authorization reference of EC2).
ATTACH_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def attach(function: aws_lambda.Function, network: NetworkSettings) -> None:
    """Puts the function into the subnets. By ids alone: `ec2.Vpc` would have to look them up in AWS at synthesis."""
    resource = function.node.default_child
    assert isinstance(resource, aws_lambda.CfnFunction)
    resource.vpc_config = aws_lambda.CfnFunction.VpcConfigProperty(
        subnet_ids=list(network.subnet_ids), security_group_ids=list(network.security_group_ids)
    )


def network_interface_statements(function_arn: str) -> list[aws_iam.PolicyStatement]:
    """Lets the Lambda service attach the function, and denies the same to the function's own code.

    The denial is what the page above recommends: `lambda:SourceFunctionArn` is present only in calls made by the code.
    """
    actions = list(ATTACH_ACTIONS)
    return [
        aws_iam.PolicyStatement(actions=actions, resources=["*"]),
        aws_iam.PolicyStatement(
            effect=aws_iam.Effect.DENY,
            actions=actions,
            resources=["*"],
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": function_arn}},
        ),
    ]
