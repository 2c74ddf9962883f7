"""Services that roles can be linked to: the role's name, and the AWS managed policies that it has.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
"""

CUSTOM_SUFFIX = frozenset(("autoscaling.amazonaws.com", "connect.amazonaws.com", "lexv2.amazonaws.com"))
"""The services of which an account can have many roles, told apart by a suffix."""

LINKED_SERVICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "accountdiscovery.ssm.amazonaws.com": (
        "AWSServiceRoleForAmazonSSM_AccountDiscovery",
        ("AWSSystemsManagerAccountDiscoveryServicePolicy",),
    ),
    "acm.amazonaws.com": ("AWSServiceRoleForCertificateManager", ("CertificateManagerServiceRolePolicy",)),
    "appmesh.amazonaws.com": ("AWSServiceRoleForAppMesh", ("AWSAppMeshServiceRolePolicy",)),
    "autoscaling-plans.amazonaws.com": (
        "AWSServiceRoleForAutoScalingPlans_EC2AutoScaling",
        ("AWSAutoScalingPlansEC2AutoScalingPolicy",),
    ),
    "autoscaling.amazonaws.com": ("AWSServiceRoleForAutoScaling", ("AutoScalingServiceRolePolicy",)),
    "backup.amazonaws.com": ("AWSServiceRoleForBackup", ("AWSBackupServiceLinkedRolePolicyForBackup",)),
    "batch.amazonaws.com": ("AWSServiceRoleForBatch", ("BatchServiceRolePolicy",)),
    "cassandra.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_CassandraTable",
        ("AWSApplicationAutoscalingCassandraTablePolicy",),
    ),
    "cks.kms.amazonaws.com": (
        "AWSServiceRoleForKeyManagementServiceCustomKeyStores",
        ("AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy",),
    ),
    "cloudtrail.amazonaws.com": ("AWSServiceRoleForCloudTrail", ("CloudTrailServiceRolePolicy",)),
    "codestar-notifications.amazonaws.com": (
        "AWSServiceRoleForCodeStarNotifications",
        ("AWSCodeStarNotificationsServiceRolePolicy",),
    ),
    "config.amazonaws.com": ("AWSServiceRoleForConfig", ("AWSConfigServiceRolePolicy",)),
    "connect.amazonaws.com": ("AWSServiceRoleForAmazonConnect", ("AmazonConnectServiceLinkedRolePolicy",)),
    "custom-resource.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_CustomResource",
        ("AWSApplicationAutoScalingCustomResourcePolicy",),
    ),
    "dms-fleet-advisor.amazonaws.com": ("AWSServiceRoleForDMSFleetAdvisor", ("AWSDMSFleetAdvisorServiceRolePolicy",)),
    "dms.amazonaws.com": ("AWSServiceRoleForDMSServerless", ("AWSDMSServerlessServiceRolePolicy",)),
    "docdb-elastic.amazonaws.com": ("AWSServiceRoleForDocDB-Elastic", ("AmazonDocDB-ElasticServiceRolePolicy",)),
    "dynamodb.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
        ("AWSApplicationAutoscalingDynamoDBTablePolicy",),
    ),
    "ec2-instance-connect.amazonaws.com": ("AWSServiceRoleForEc2InstanceConnect", ("Ec2InstanceConnectEndpoint",)),
    "ec2.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_EC2SpotFleetRequest",
        ("AWSApplicationAutoscalingEC2SpotFleetRequestPolicy",),
    ),
    "ecr.amazonaws.com": ("AWSServiceRoleForECRTemplate", ("ECRTemplateServiceRolePolicy",)),
    "ecs.amazonaws.com": ("AWSServiceRoleForECS", ("AmazonECSServiceRolePolicy",)),
    "eks-connector.amazonaws.com": ("AWSServiceRoleForAmazonEKSConnector", ("AmazonEKSConnectorServiceRolePolicy",)),
    "eks-fargate.amazonaws.com": ("AWSServiceRoleForAmazonEKSForFargate", ("AmazonEKSForFargateServiceRolePolicy",)),
    "eks-nodegroup.amazonaws.com": ("AWSServiceRoleForAmazonEKSNodegroup", ("AWSServiceRoleForAmazonEKSNodegroup",)),
    "eks.amazonaws.com": ("AWSServiceRoleForAmazonEKS", ("AmazonEKSServiceRolePolicy",)),
    "elasticache.amazonaws.com": ("AWSServiceRoleForElastiCache", ("ElastiCacheServiceRolePolicy",)),
    "elasticbeanstalk.amazonaws.com": ("AWSServiceRoleForElasticBeanstalk", ("AWSElasticBeanstalkServiceRolePolicy",)),
    "elasticfilesystem.amazonaws.com": (
        "AWSServiceRoleForAmazonElasticFileSystem",
        ("AmazonElasticFileSystemServiceRolePolicy",),
    ),
    "elasticloadbalancing.amazonaws.com": (
        "AWSServiceRoleForElasticLoadBalancing",
        ("AWSElasticLoadBalancingServiceRolePolicy",),
    ),
    "email.cognito-idp.amazonaws.com": (
        "AWSServiceRoleForAmazonCognitoIdpEmailService",
        ("AmazonCognitoIdpEmailServiceRolePolicy",),
    ),
    "emr-containers.amazonaws.com": ("AWSServiceRoleForAmazonEMRContainers", ("AmazonEMRContainersServiceRolePolicy",)),
    "emrwal.amazonaws.com": ("AWSServiceRoleForEMRWAL", ("EMRDescribeClusterPolicyForEMRWAL",)),
    "fis.amazonaws.com": ("AWSServiceRoleForFIS", ("AmazonFISServiceRolePolicy",)),
    "grafana.amazonaws.com": ("AWSServiceRoleForAmazonGrafana", ("AmazonGrafanaServiceLinkedRolePolicy",)),
    "imagebuilder.amazonaws.com": ("AWSServiceRoleForImageBuilder", ("AWSServiceRoleForImageBuilder",)),
    "iotmanagedintegrations.amazonaws.com": (
        "AWSServiceRoleForIoTManagedIntegrations",
        ("AWSIoTManagedIntegrationsRolePolicy",),
    ),
    "kafka.amazonaws.com": ("AWSServiceRoleForKafka", ("KafkaServiceRolePolicy",)),
    "kafkaconnect.amazonaws.com": ("AWSServiceRoleForKafkaConnect", ("KafkaConnectServiceRolePolicy",)),
    "lakeformation.amazonaws.com": (
        "AWSServiceRoleForLakeFormationDataAccess",
        ("LakeFormationDataAccessServiceRolePolicy",),
    ),
    "lambda.application-autoscaling.amazonaws.com": (
        "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency",
        ("AWSApplicationAutoscalingLambdaConcurrencyPolicy",),
    ),
    "lex.amazonaws.com": ("AWSServiceRoleForLexBots", ("AmazonLexBotPolicy",)),
    "lexv2.amazonaws.com": ("AWSServiceRoleForLexV2Bots", ("AmazonLexV2BotPolicy",)),
    "lightsail.amazonaws.com": ("AWSServiceRoleForLightsail", ("LightsailExportAccess",)),
    "m2.amazonaws.com": ("AWSServiceRoleForAWSM2", ("AWSM2ServicePolicy",)),
    "memorydb.amazonaws.com": ("AWSServiceRoleForMemoryDB", ("MemoryDBServiceRolePolicy",)),
    "mq.amazonaws.com": ("AWSServiceRoleForAmazonMQ", ("AmazonMQServiceRolePolicy",)),
    "mrk.kms.amazonaws.com": (
        "AWSServiceRoleForKeyManagementServiceMultiRegionKeys",
        ("AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy",),
    ),
    "notifications.amazonaws.com": (
        "AWSServiceRoleForAwsUserNotifications",
        ("AWSUserNotificationsServiceLinkedRolePolicy",),
    ),
    "observability.aoss.amazonaws.com": (
        "AWSServiceRoleForAmazonOpenSearchServerless",
        ("AmazonOpenSearchServerlessServiceRolePolicy",),
    ),
    "opensearchservice.amazonaws.com": (
        "AWSServiceRoleForAmazonOpenSearchService",
        ("AmazonOpenSearchServiceRolePolicy",),
    ),
    "ops.apigateway.amazonaws.com": ("AWSServiceRoleForAPIGateway", ("APIGatewayServiceRolePolicy",)),
    "ops.emr-serverless.amazonaws.com": (
        "AWSServiceRoleForAmazonEMRServerless",
        ("AmazonEMRServerlessServiceRolePolicy",),
    ),
    "opsdatasync.ssm.amazonaws.com": (
        "AWSServiceRoleForSystemsManagerOpsDataSync",
        ("AWSSystemsManagerOpsDataSyncServiceRolePolicy",),
    ),
    "opsinsights.ssm.amazonaws.com": (
        "AWSServiceRoleForAmazonSSM_OpsInsights",
        ("AWSSSMOpsInsightsServiceRolePolicy",),
    ),
    "pullthroughcache.ecr.amazonaws.com": (
        "AWSServiceRoleForECRPullThroughCache",
        ("AWSECRPullThroughCache_ServiceRolePolicy",),
    ),
    "ram.amazonaws.com": ("AWSServiceRoleForResourceAccessManager", ("AWSResourceAccessManagerServiceRolePolicy",)),
    "rds.amazonaws.com": ("AWSServiceRoleForRDS", ("AmazonRDSServiceRolePolicy",)),
    "redshift.amazonaws.com": ("AWSServiceRoleForRedshift", ("AmazonRedshiftServiceLinkedRolePolicy",)),
    "replication.cassandra.amazonaws.com": (
        "AWSServiceRoleForKeyspacesReplication",
        ("KeyspacesReplicationServiceRolePolicy",),
    ),
    "replication.ecr.amazonaws.com": ("AWSServiceRoleForECRReplication", ("ECRReplicationServiceRolePolicy",)),
    "repository.sync.codeconnections.amazonaws.com": ("AWSServiceRoleForGitSync", ("AWSGitSyncServiceRolePolicy",)),
    "resource-explorer-2.amazonaws.com": (
        "AWSServiceRoleForResourceExplorer",
        ("AWSResourceExplorerServiceRolePolicy",),
    ),
    "rolesanywhere.amazonaws.com": ("AWSServiceRoleForRolesAnywhere", ("AWSRolesAnywhereServicePolicy",)),
    "s3-outposts.amazonaws.com": ("AWSServiceRoleForS3OnOutposts", ("AWSS3OnOutpostsServiceRolePolicy",)),
    "ses.amazonaws.com": ("AWSServiceRoleForAmazonSES", ("AmazonSESServiceRolePolicy",)),
    "shield.amazonaws.com": ("AWSServiceRoleForAWSShield", ("AWSShieldServiceRolePolicy",)),
    "ssm-incidents.amazonaws.com": ("AWSServiceRoleForIncidentManager", ("AWSIncidentManagerServiceRolePolicy",)),
    "ssm-quicksetup.amazonaws.com": ("AWSServiceRoleForSSMQuickSetup", ("SSMQuickSetupRolePolicy",)),
    "ssm.amazonaws.com": ("AWSServiceRoleForAmazonSSM", ("AmazonSSMServiceRolePolicy",)),
    "sso.amazonaws.com": ("AWSServiceRoleForSSO", ("AWSSSOServiceRolePolicy",)),
    "vpcorigin.cloudfront.amazonaws.com": (
        "AWSServiceRoleForCloudFrontVPCOrigin",
        ("AWSCloudFrontVPCOriginServiceRolePolicy",),
    ),
    "waf.amazonaws.com": ("AWSServiceRoleForWAFLogging", ("WAFLoggingServiceRolePolicy",)),
    "wafv2.amazonaws.com": ("AWSServiceRoleForWAFV2Logging", ("WAFV2LoggingServiceRolePolicy",)),
}
