from fogbank.services.dynamodb.service import DynamoDBService

__all__ = ["DynamoDBService"]
