"""Amazon S3. https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html"""

from fogbank.services.s3.access import Access
from fogbank.services.s3.attributes import ObjectAttributes
from fogbank.services.s3.browser_posts import BrowserPosts
from fogbank.services.s3.bucket_regions import BucketRegions
from fogbank.services.s3.buckets import Buckets
from fogbank.services.s3.copies import Copies
from fogbank.services.s3.edges import Edges
from fogbank.services.s3.lifecycle_runs import LifecycleRuns
from fogbank.services.s3.multipart_completions import MultipartCompletions
from fogbank.services.s3.notifications import Notifications
from fogbank.services.s3.object_lists import ObjectLists
from fogbank.services.s3.object_locks import ObjectLocks
from fogbank.services.s3.object_tags import ObjectTags
from fogbank.services.s3.replication import Replication
from fogbank.services.s3.request_log import RequestLog
from fogbank.services.s3.restores import Restores
from fogbank.services.s3.select.operation import ObjectSelects
from fogbank.services.s3.websites import Websites


class S3Service(
    BrowserPosts,
    Access,
    BucketRegions,
    Buckets,
    Copies,
    Edges,
    LifecycleRuns,
    MultipartCompletions,
    Notifications,
    ObjectAttributes,
    ObjectLists,
    ObjectLocks,
    ObjectSelects,
    ObjectTags,
    Replication,
    RequestLog,
    Restores,
    Websites,
):
    """Amazon S3: each of its bases holds the operations of one idea."""
