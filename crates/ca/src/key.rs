//! Key pairs and public keys.

use std::fmt;

use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1};
use der::asn1::{BitString, ObjectIdentifier, OctetString};
use der::{Decode, Encode, Sequence, SliceReader};
use ring::rand::SecureRandom;
use ring::signature::{
    self, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::encoding;

const PRIVATE_LENGTH: usize = 32;
const PUBLIC_LENGTH: usize = 65;

/// Where ring's PKCS#8 form of a P-256 key pair holds the private and the public part.
const PKCS8_PRIVATE: std::ops::Range<usize> = 36..68;
const PKCS8_PUBLIC: std::ops::Range<usize> = 73..138;

/// What stands before the point in the `SubjectPublicKeyInfo` of a P-256 key (RFC 5480, section 2).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What stands before, between and after the two parts of an `ECPrivateKey` on P-256 (RFC 5915, section 3).
const SEC1_PREFIX: [u8; 7] = [0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20];
const SEC1_MIDDLE: [u8; 17] = [
    0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42,
    0x00,
];

const SEC1_LABEL: &str = "EC PRIVATE KEY";
const PKCS8_LABEL: &str = "PRIVATE KEY";

/// An EC P-256 key pair. Its `Debug` form shows the public half only.
#[derive(Clone)]
pub struct KeyPair {
    private: [u8; PRIVATE_LENGTH],
    public: [u8; PUBLIC_LENGTH],
}

/// A public key strong enough to be certified: EC P-256 or P-384, or RSA from 2048 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    spki: Vec<u8>,
    /// What `ring` verifies with: the point, or the `RSAPublicKey`.
    raw: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    Rsa { bits: usize },
}

/// Why a key is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is no PEM.
    #[error("no PEM-encoded data found")]
    Pem,
    /// The PEM block is no private key that is known here.
    #[error("unknown PEM block type for signing key: {label}")]
    Label {
        /// Label of the block.
        label: String,
    },
    /// The bytes are no key.
    #[error("private key is not a valid format")]
    Format(#[from] der::Error),
    /// The key is of a type, curve or length that is not accepted.
    #[error("unsupported key: use EC P-256, EC P-384 or RSA of 2048 to 8192 bits")]
    Unsupported,
    /// The halves of the pair do not belong together, or one is no key at all.
    #[error("private key is not a valid format: its halves do not match")]
    Mismatch,
    /// The system gave no randomness.
    #[error("no randomness to be had")]
    Randomness(#[from] ring::error::Unspecified),
}

#[derive(Sequence)]
struct EcPrivateKey {
    version: u8,
    private_key: OctetString,
    #[asn1(context_specific = "0", optional = "true")]
    parameters: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", optional = "true")]
    public_key: Option<BitString>,
}

// === impl KeyPair ===

impl KeyPair {
    /// Makes a new pair.
    ///
    /// # Errors
    /// [`KeyError::Randomness`] when `rng` fails.
    pub fn generate(rng: &dyn SecureRandom) -> Result<Self, KeyError> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, rng)?;
        let part = |range| pkcs8.as_ref().get(range).ok_or(KeyError::Mismatch);
        Self::from_parts(part(PKCS8_PRIVATE)?, part(PKCS8_PUBLIC)?)
    }

    /// Reads a P-256 key with its public half, as `EC PRIVATE KEY` or (PKCS#8) `PRIVATE KEY`.
    ///
    /// # Errors
    /// Whatever keeps the text from being such a key; that the halves match is checked.
    pub fn from_pem(text: &str, rng: &dyn SecureRandom) -> Result<Self, KeyError> {
        let (label, der) =
            der::pem::decode_vec(text.as_bytes()).map_err(|_not_pem| KeyError::Pem)?;
        let key = match label {
            SEC1_LABEL => EcPrivateKey::from_der(&der)?,
            PKCS8_LABEL => ec_key_of_pkcs8(&der)?,
            label => {
                return Err(KeyError::Label {
                    label: label.to_owned(),
                });
            }
        };
        if key.parameters.is_some_and(|curve| curve != SECP_256_R_1) {
            return Err(KeyError::Unsupported);
        }
        let public = key.public_key.ok_or(KeyError::Unsupported)?;
        let pair = Self::from_parts(key.private_key.as_bytes(), public.raw_bytes())?;
        pair.signing_key(rng)?;
        Ok(pair)
    }

    fn from_parts(private: &[u8], public: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            private: private.try_into().map_err(|_| KeyError::Unsupported)?,
            public: public.try_into().map_err(|_| KeyError::Unsupported)?,
        })
    }

    /// The private key as PEM, `EC PRIVATE KEY`.
    pub fn to_pem(&self) -> String {
        let der = [&SEC1_PREFIX[..], &self.private, &SEC1_MIDDLE, &self.public].concat();
        encoding::pem(SEC1_LABEL, &der)
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey {
            kind: Kind::P256,
            spki: [&P256_SPKI_PREFIX[..], &self.public].concat(),
            raw: self.public.to_vec(),
        }
    }

    /// The pair, ready to sign.
    pub(crate) fn signing_key(&self, rng: &dyn SecureRandom) -> Result<EcdsaKeyPair, KeyError> {
        EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &self.private,
            &self.public,
            rng,
        )
        .map_err(|_rejected| KeyError::Mismatch)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("public", &self.public_key())
            .finish_non_exhaustive()
    }
}

/// The `ECPrivateKey` inside PKCS#8's `OneAsymmetricKey` (RFC 5958, section 2).
fn ec_key_of_pkcs8(der: &[u8]) -> Result<EcPrivateKey, KeyError> {
    use der::Reader;

    let mut reader = SliceReader::new(der)?;
    let (algorithm, key) = reader.sequence(|inner: &mut SliceReader<'_>| -> der::Result<_> {
        u8::decode(inner)?;
        let algorithm = AlgorithmIdentifierOwned::decode(inner)?;
        let key = OctetString::decode(inner)?;
        let rest = inner.remaining_len();
        inner.read_slice(rest)?;
        Ok((algorithm, key))
    })?;
    reader.finish()?;
    if curve_of(&algorithm) != Some(SECP_256_R_1) {
        return Err(KeyError::Unsupported);
    }
    Ok(EcPrivateKey::from_der(key.as_bytes())?)
}

fn curve_of(algorithm: &AlgorithmIdentifierOwned) -> Option<ObjectIdentifier> {
    let parameters = algorithm.parameters.as_ref()?;
    (algorithm.oid == ID_EC_PUBLIC_KEY)
        .then(|| parameters.decode_as().ok())
        .flatten()
}

// === impl PublicKey ===

impl PublicKey {
    /// Checks a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for what is too weak or of an unknown type.
    pub(crate) fn from_spki(info: &SubjectPublicKeyInfoOwned) -> Result<Self, KeyError> {
        let raw = info
            .subject_public_key
            .as_bytes()
            .ok_or(KeyError::Unsupported)?;
        let kind = match curve_of(&info.algorithm) {
            Some(SECP_256_R_1) => Kind::P256,
            Some(SECP_384_R_1) => Kind::P384,
            None if info.algorithm.oid == RSA_ENCRYPTION => Kind::Rsa {
                bits: rsa_bits(raw)?,
            },
            _ => return Err(KeyError::Unsupported),
        };
        let fits = match kind {
            Kind::P256 => raw.len() == PUBLIC_LENGTH,
            Kind::P384 => raw.len() == 97,
            Kind::Rsa { bits } => (2048..=8192).contains(&bits),
        };
        if !fits {
            return Err(KeyError::Unsupported);
        }
        Ok(Self {
            kind,
            spki: info.to_der()?,
            raw: raw.to_vec(),
        })
    }

    /// The key's ID: SHA-256 of its `SubjectPublicKeyInfo`, as Consul has it.
    pub fn id(&self) -> Vec<u8> {
        encoding::sha256(&self.spki)
    }

    /// `SubjectPublicKeyInfo`, DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Type of the key in Consul's words, `ec` or `rsa`.
    pub fn kind(&self) -> &'static str {
        match self.kind {
            Kind::P256 | Kind::P384 => "ec",
            Kind::Rsa { .. } => "rsa",
        }
    }

    /// Size of the key in bits.
    pub fn bits(&self) -> u32 {
        match self.kind {
            Kind::P256 => 256,
            Kind::P384 => 384,
            Kind::Rsa { bits } => u32::try_from(bits).unwrap_or(u32::MAX),
        }
    }

    /// Whether `signature` over `message`, made with the algorithm of this ID, was made with this key.
    pub(crate) fn verifies(
        &self,
        algorithm: ObjectIdentifier,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        verification(self.kind, algorithm).is_some_and(|algorithm| {
            UnparsedPublicKey::new(algorithm, &self.raw)
                .verify(message, signature)
                .is_ok()
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, encoding::colon_hex(&self.id()))
    }
}

fn verification(
    kind: Kind,
    algorithm: ObjectIdentifier,
) -> Option<&'static dyn VerificationAlgorithm> {
    use const_oid::db::rfc5912 as oid;
    Some(match (kind, algorithm) {
        (Kind::P256, oid::ECDSA_WITH_SHA_256) => &signature::ECDSA_P256_SHA256_ASN1,
        (Kind::P256, oid::ECDSA_WITH_SHA_384) => &signature::ECDSA_P256_SHA384_ASN1,
        (Kind::P384, oid::ECDSA_WITH_SHA_256) => &signature::ECDSA_P384_SHA256_ASN1,
        (Kind::P384, oid::ECDSA_WITH_SHA_384) => &signature::ECDSA_P384_SHA384_ASN1,
        (Kind::Rsa { .. }, oid::SHA_256_WITH_RSA_ENCRYPTION) => {
            &signature::RSA_PKCS1_2048_8192_SHA256
        }
        (Kind::Rsa { .. }, oid::SHA_384_WITH_RSA_ENCRYPTION) => {
            &signature::RSA_PKCS1_2048_8192_SHA384
        }
        (Kind::Rsa { .. }, oid::SHA_512_WITH_RSA_ENCRYPTION) => {
            &signature::RSA_PKCS1_2048_8192_SHA512
        }
        _ => return None,
    })
}

/// Length of the modulus in an `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn rsa_bits(der: &[u8]) -> Result<usize, KeyError> {
    use der::Reader;
    use der::asn1::UintRef;

    let mut reader = SliceReader::new(der)?;
    let bits = reader.sequence(|inner: &mut SliceReader<'_>| -> der::Result<_> {
        let modulus = UintRef::decode(inner)?.as_bytes();
        UintRef::decode(inner)?;
        let leading = modulus
            .first()
            .map_or(0, |byte| byte.leading_zeros() as usize);
        Ok(modulus.len() * 8 - leading)
    })?;
    reader.finish()?;
    Ok(bits)
}

#[cfg(test)]
mod tests;
