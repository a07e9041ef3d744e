//! Encryption of a connection.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::Error;
use crate::options::Tls;

/// A conversation that has not begun yet. `host` is who the server's certificate must be for.
pub(crate) fn connection(tls: &Tls, host: &str) -> Result<ClientConnection, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match tls {
        Tls::Required(authorities) => {
            let roots = Arc::new(roots(authorities.as_deref())?);
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build().map_err(failed)?
        }
        Tls::Preferred | Tls::Off => Arc::new(Anybody(Arc::clone(&provider))),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(failed)?;
    ClientConnection::new(Arc::new(config), name).map_err(failed)
}

/// Whom to believe.
fn roots(file: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        return match (roots.is_empty(), found.errors.first()) {
            (false, _) => Ok(roots),
            (true, Some(error)) => Err(Error::Tls(format!("the system's authorities: {error}"))),
            (true, None) => Err(Error::Tls("the system has no authorities".to_owned())),
        };
    };
    let in_file = |error: &dyn std::fmt::Display| Error::Tls(format!("{}: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| in_file(&error))?;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        roots.add(certificate.map_err(|error| in_file(&error))?).map_err(|error| in_file(&error))?;
    }
    if roots.is_empty() {
        roots.add(CertificateDer::from(bytes)).map_err(|error| in_file(&error))?;
    }
    Ok(roots)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Tls(error.to_string())
}

/// Believes that whoever answers is the server: without the operator's word that it must be proved, encryption that keeps out
/// those who only listen is better than none.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
