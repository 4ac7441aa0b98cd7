//! Signed links: what of a response is signed, and what signs it.

use bytes::Bytes;

use super::{Transaction, header_values};
use crate::links::{Page, Signer, sign_page};
use crate::types::EngineMode;

impl Transaction {
    /// Whether links are signed and checked (`SecHashEngine`, `ctl:hashEngine`).
    pub(crate) fn hashes_links(&self) -> bool {
        let wanted = self
            .overrides
            .hash_engine
            .unwrap_or(self.config.hash_engine);
        wanted && self.mode() != EngineMode::Off
    }

    /// The key of this client's links.
    pub(crate) fn link_key(&self) -> Vec<u8> {
        let address = self.connection.client.client.to_string();
        self.config
            .hash_key
            .salted(self.session.as_deref(), &address)
    }

    fn signer(&self) -> Signer<'_> {
        Signer {
            key: self.link_key(),
            parameter: &self.config.hash_parameter,
            methods: &self.config.hash_methods,
        }
    }

    fn page(&self) -> Page<'_> {
        Page::new(&self.request.hostname, &self.request.path)
    }

    /// The address of a redirection with its proof. After phase 3; `None` where it stays as it is.
    ///
    /// Compat: as in mod_security2 without regard to `SecContentInjection`; but in DetectionOnly nothing is changed.
    pub fn signed_location(&self) -> Option<Vec<u8>> {
        let response = self.response.as_ref()?;
        if !self.hashes_links() || self.mode() != EngineMode::On || response.status / 100 != 3 {
            return None;
        }
        let location = header_values(&response.headers, "Location").next()?;
        self.signer().sign_location(location, &self.page())
    }

    /// The page with its links signed; `None` where it stays as it is.
    ///
    /// Compat: only `text/html`, as in mod_security2.
    pub(super) fn signed_page(&self, html: &[u8]) -> Option<Bytes> {
        let response = self.response.as_ref()?;
        let media_type = response.content_type.as_deref().unwrap_or_default();
        let media_type = media_type.split(|&byte| byte == b';').next()?.trim_ascii();
        let signer = self.signer();
        let signs = self.hashes_links()
            && signer.signs_pages()
            && media_type.eq_ignore_ascii_case(b"text/html")
            && self.response_obstacle().is_none();
        signs
            .then(|| sign_page(html, &signer, &self.page()))
            .flatten()
            .map(Bytes::from)
    }
}
