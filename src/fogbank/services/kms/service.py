"""AWS Key Management Service. https://docs.aws.amazon.com/kms/latest/APIReference/Welcome.html"""

from fogbank.services.kms.aliases import Aliases
from fogbank.services.kms.data_keys import DataKeys
from fogbank.services.kms.multi_region import MultiRegion
from fogbank.services.kms.tagging import Tags


class KmsService(MultiRegion, Aliases, DataKeys, Tags):
    """Keys of every spec but SM2 and ML_KEM_512, their material made here or imported, and all that is done with them.

    NotImplemented: custom key stores, what they are made of and keys in them; recipients in Nitro enclaves; SM2;
    GetKeyLastUsage, which would write with every use of a key; keys shared by RAM; dry runs that ignore the
    ciphertext; ED25519_PH_SHA_512.
    """
