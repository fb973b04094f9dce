//! TLS towards nodes: the platform's roots, a node's own CA and client certificate.
//! Verification cannot be switched off.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use zeroize::Zeroizing;

use super::settings::{HttpVersion, NodeSettings};

/// Why a node's TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read or holds nothing usable.
    #[error("read {what} of node {node} from {path}: {reason}")]
    File {
        /// The node's name.
        node: String,
        /// Which file.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// rustls refused what it was given.
    #[error("set up TLS for node {node}")]
    Rustls {
        /// The node's name.
        node: String,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// What TLS towards one node rests on.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// Digest of the files' contents: the same after a reload, the same certificates.
    pub(super) files: blake3::Hash,
}

impl Tls {
    /// The client configuration of one node. Reads files, so it runs at start and on reload only.
    ///
    /// # Errors
    /// A missing or unusable CA, certificate or key file.
    pub(super) fn of(node: &NodeSettings) -> Result<Self, TlsError> {
        let rustls_error = |source| TlsError::Rustls { node: node.name.to_string(), source };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut files = Files { node, digest: blake3::Hasher::new() };
        let extra = match &node.extra_ca_file {
            Some(path) => files.certificates("extra_ca_file", path)?,
            None => Vec::new(),
        };
        let verifier = verifier(extra, &provider).map_err(rustls_error)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(rustls_error)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &node.client_cert {
            None => builder.with_no_client_auth(),
            Some((cert_file, key_file)) => {
                let chain = files.certificates("client_cert_file", cert_file)?;
                let key = files.key("client_key_file", key_file)?;
                builder.with_client_auth_cert(chain, key).map_err(rustls_error)?
            }
        };
        config.alpn_protocols = match node.http {
            HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
            HttpVersion::Http2 => vec![b"h2".to_vec()],
        };
        Ok(Self { config: Arc::new(config), files: files.digest.finalize() })
    }

    /// The same towards the node's proxy: HTTP/1.1, and the node's client certificate is none of its affair.
    pub(super) fn of_proxy(node: &NodeSettings) -> Result<Self, TlsError> {
        Self::of(&NodeSettings { client_cert: None, http: HttpVersion::Http1, ..node.clone() })
    }
}

/// The platform's verifier; on a machine without any CA file, the roots that Ferry carries.
fn verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    match Verifier::new_with_extra_roots(extra.clone(), Arc::clone(provider)) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(_no_platform_roots) => {
            let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            for root in extra {
                roots.add(root)?;
            }
            let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
                Arc::new(roots),
                Arc::clone(provider),
            )
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
            Ok(verifier)
        }
    }
}

/// The files of a node, each read once: what is used is what the digest is of.
struct Files<'a> {
    node: &'a NodeSettings,
    digest: blake3::Hasher,
}

impl Files<'_> {
    fn certificates(
        &mut self,
        what: &'static str,
        path: &Path,
    ) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let pem = self.read(what, path)?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|error| self.error(what, path, &error))?;
        if chain.is_empty() {
            return Err(self.error(what, path, &"it holds no PEM certificate"));
        }
        Ok(chain)
    }

    fn key(&mut self, what: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
        let pem = self.read(what, path)?;
        PrivateKeyDer::from_pem_slice(&pem).map_err(|error| self.error(what, path, &error))
    }

    fn read(&mut self, what: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
        let pem = std::fs::read(path).map_err(|error| self.error(what, path, &error))?;
        let pem = Zeroizing::new(pem);
        // With its name and length, so that no two sets of files look like one another.
        self.digest.update(what.as_bytes());
        self.digest.update(&(pem.len() as u64).to_be_bytes());
        self.digest.update(&pem);
        Ok(pem)
    }

    fn error(&self, what: &'static str, path: &Path, reason: &dyn std::fmt::Display) -> TlsError {
        TlsError::File {
            node: self.node.name.to_string(),
            what,
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
