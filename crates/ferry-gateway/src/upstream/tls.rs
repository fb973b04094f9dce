//! TLS towards nodes: the platform's roots, a node's own CA and client certificate.
//! Verification cannot be switched off.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

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

/// The client configuration of one node. Reads files, so it runs at start and on reload only.
///
/// # Errors
/// A missing or unusable CA, certificate or key file.
pub(super) fn client_config(node: &NodeSettings) -> Result<Arc<ClientConfig>, TlsError> {
    let rustls_error = |source| TlsError::Rustls { node: node.name.to_string(), source };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let extra = match &node.extra_ca_file {
        Some(path) => certificates(node, "extra_ca_file", path)?,
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
            let chain = certificates(node, "client_cert_file", cert_file)?;
            let key = PrivateKeyDer::from_pem_file(key_file)
                .map_err(|error| file_error(node, "client_key_file", key_file, &error))?;
            builder.with_client_auth_cert(chain, key).map_err(rustls_error)?
        }
    };
    config.alpn_protocols = match node.http {
        HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
    };
    Ok(Arc::new(config))
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

fn certificates(
    node: &NodeSettings,
    what: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|error| file_error(node, what, path, &error))?
        .collect::<Result<_, _>>()
        .map_err(|error| file_error(node, what, path, &error))?;
    if chain.is_empty() {
        let none = "it holds no PEM certificate";
        return Err(file_error(node, what, path, &none));
    }
    Ok(chain)
}

fn file_error(
    node: &NodeSettings,
    what: &'static str,
    path: &Path,
    reason: &dyn std::fmt::Display,
) -> TlsError {
    TlsError::File {
        node: node.name.to_string(),
        what,
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
