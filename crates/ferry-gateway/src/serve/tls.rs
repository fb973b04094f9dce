//! The listener's certificate: loaded from PEM files, replaced while running, the last good pair kept.
//!
//! TLS 1.2 and 1.3 with ALPN `h2` and `http/1.1`. Never asks for client certificates, never writes a key anywhere,
//! and never serves a pair whose halves do not belong together.

mod expiry;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;

use super::TlsFiles;
use crate::clock;

/// The certificate in use. Handshakes read it, a reload replaces it, sessions survive that.
#[derive(Debug)]
pub struct TlsStore {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
struct Current(ArcSwap<Pair>);

#[derive(Debug)]
struct Pair {
    key: Arc<CertifiedKey>,
    expires: Option<SystemTime>,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().key))
    }
}

/// A pair that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read {path}", path = .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is no PEM.
    #[error("parse {path} as PEM", path = .path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// Where it breaks.
        #[source]
        source: pem::Error,
    },
    /// The chain file holds no certificate.
    #[error("find a certificate in {path}", path = .path.display())]
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// The key file holds no private key.
    #[error("find a private key in {path}", path = .path.display())]
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// The halves do not belong together, or the key is of a kind that TLS cannot use.
    #[error("use the key {key} with the certificate {cert}", key = .key.display(), cert = .cert.display())]
    Unusable {
        /// The chain file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// The TLS library will not start.
    #[error("set up TLS")]
    Setup(#[source] rustls::Error),
}

impl TlsError {
    /// What to do about it, as one sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "check the path and that the user Ferry runs as may read the file",
            Self::Pem { .. } => {
                "the file must be PEM text with its BEGIN and END lines; convert DER with openssl x509 / openssl pkey"
            }
            Self::NoCertificate { .. } => {
                "cert_file must hold the chain, leaf first (BEGIN CERTIFICATE)"
            }
            Self::NoKey { .. } => {
                "key_file must hold one unencrypted private key (BEGIN PRIVATE KEY, BEGIN RSA PRIVATE KEY or BEGIN EC PRIVATE KEY)"
            }
            Self::Unusable { .. } => {
                "the first certificate in cert_file must be the one that was issued for key_file"
            }
            Self::Setup(_) => "report this as a bug with the log line",
        }
    }
}

impl TlsStore {
    /// Loads a pair. Blocks on two small files; at start and on reload only.
    ///
    /// # Errors
    /// When the pair cannot be served.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pair = read(files, &provider)?;
        let current = Arc::new(Current(ArcSwap::from_pointee(pair)));
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Stateless tickets: a client that comes back saves a round trip's worth of signatures, whatever our memory.
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Setup)?;
        Ok(Self { config: Arc::new(config), current, provider })
    }

    /// Replaces the pair for new handshakes.
    ///
    /// # Errors
    /// When the new pair cannot be served; the one in use stays.
    pub fn reload(&self, files: &TlsFiles) -> Result<(), TlsError> {
        let pair = read(files, &self.provider)?;
        self.current.0.store(Arc::new(pair));
        Ok(())
    }

    /// When the leaf in use expires. `None`: its date cannot be read.
    pub fn expires(&self) -> Option<SystemTime> {
        self.current.0.load().expires
    }

    /// The leaf in use has expired: clients will refuse it, which is worth a warning but no refusal to start.
    pub fn expired(&self) -> bool {
        self.expires().is_some_and(|expires| expires < clock::wall())
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<Pair, TlsError> {
    let path = &files.cert_file;
    let chain = CertificateDer::pem_slice_iter(&bytes(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Pem { path: path.clone(), source })?;
    let Some(leaf) = chain.first() else {
        return Err(TlsError::NoCertificate { path: path.clone() });
    };
    let expires = expiry::not_after(leaf);

    let path = &files.key_file;
    let key_bytes = zeroize::Zeroizing::new(bytes(path)?);
    let key = PrivateKeyDer::from_pem_slice(&key_bytes).map_err(|source| {
        let path = path.clone();
        if matches!(source, pem::Error::NoItemsFound) {
            TlsError::NoKey { path }
        } else {
            TlsError::Pem { path, source }
        }
    })?;
    let key = CertifiedKey::from_der(chain, key, provider).map_err(|source| {
        TlsError::Unusable { cert: files.cert_file.clone(), key: path.clone(), source }
    })?;
    Ok(Pair { key: Arc::new(key), expires })
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
