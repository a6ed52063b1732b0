"""What is deployed. Imports aws_cdk and constructs only; synthesis makes no AWS call."""
