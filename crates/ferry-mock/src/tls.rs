//! TLS for a mock: a certificate authority and a leaf made at start, and an identity for clients that must show one.
//! Keys live in memory only; nothing here is fit for anything but tests and demos.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

use crate::settings::TlsSettings;

/// TLS could not be prepared.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A certificate could not be made, for example for a host name that is none.
    #[error("make the mock's certificates")]
    Certificate(#[from] rcgen::Error),
    /// The certificates do not fit together.
    #[error("set up TLS for the mock")]
    Setup(#[from] rustls::Error),
    /// The client verifier could not be built.
    #[error("set up the mock's check of client certificates")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// A PEM text could not be read back.
    #[error("read the mock's own certificate")]
    Pem(#[from] rustls::pki_types::pem::Error),
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate chain.
    pub certificate_pem: String,
    /// The private key.
    pub key_pem: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// What a TLS mock holds.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) ca_pem: String,
    pub(crate) client: Identity,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Makes authority, leaf and client identity.
    pub(crate) fn make(settings: &TlsSettings) -> Result<Self, TlsError> {
        let authority = authority()?;
        let ca_pem = authority.pem();
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        names.extend(settings.names.iter().cloned());
        let leaf = identity(&authority, names)?;
        let client = identity(&authority, vec!["ferry-mock-client".to_owned()])?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = if settings.require_client_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes())?)?;
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_slice(leaf.certificate_pem.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(leaf.key_pem.as_bytes())?;
        let mut config = builder.with_single_cert(chain, key)?;
        config.alpn_protocols = if settings.http1_only {
            vec![b"http/1.1".to_vec()]
        } else {
            vec![b"h2".to_vec(), b"http/1.1".to_vec()]
        };
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem, client })
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "ferry mock authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn identity(
    authority: &CertifiedIssuer<'static, KeyPair>,
    names: Vec<String>,
) -> Result<Identity, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "ferry mock");
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, authority)?;
    Ok(Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}
