from fogbank.services.s3.service import S3Service

__all__ = ["S3Service"]
