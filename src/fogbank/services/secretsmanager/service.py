"""AWS Secrets Manager. https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html"""

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.secretsmanager.passwords import LENGTH_DEFAULT, random_password
from fogbank.services.secretsmanager.policy_operations import PolicyOperations


class SecretsManagerService(PolicyOperations):
    """Secrets with their versions, rotation by functions, replicas, resource policies and tags.

    Managed external secrets and their rotation, replicas in other accounts, and more than one policy of a secret answer
    NotImplemented.
    """

    async def start(self) -> None:
        await self.cloud.store.run(self._deletions.resume)
        await self.cloud.store.run(self._rotations.resume)

    def get_random_password(
        self,
        ctx: Context,
        *,
        PasswordLength: int = LENGTH_DEFAULT,
        ExcludeCharacters: str = "",
        ExcludeNumbers: bool = False,
        ExcludePunctuation: bool = False,
        ExcludeUppercase: bool = False,
        ExcludeLowercase: bool = False,
        IncludeSpace: bool = False,
        RequireEachIncludedType: bool = True,
    ) -> Answer:
        password = random_password(
            length=PasswordLength,
            exclude=ExcludeCharacters,
            numbers=not ExcludeNumbers,
            punctuation=not ExcludePunctuation,
            uppercase=not ExcludeUppercase,
            lowercase=not ExcludeLowercase,
            space=IncludeSpace,
            each_type=RequireEachIncludedType,
        )
        return {"RandomPassword": password}
