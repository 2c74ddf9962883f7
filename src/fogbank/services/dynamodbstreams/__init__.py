from fogbank.services.dynamodbstreams.service import DynamoDBStreamsService

__all__ = ["DynamoDBStreamsService"]
