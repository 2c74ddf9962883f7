"""What the drivers of all solutions share: boto3 and the standard library, nothing of Fogbank."""
