//! Signed links: a page's links get a parameter that proves that the site has made them.
//!
//! [`Signer`] makes the proof, an HMAC-SHA1 of path and query, and checks it. `html` finds the links of a page and
//! changes nothing of it but their values: one pass, no recursion, no tree. `reference` knows where a link leads.
//!
//! Proofs are those of mod_security2 for the same key and link.
//!
//! Compat: mod_security2 parses pages with libxml2 and writes them anew, with a document type, elements and a character
//! set of its own; here every other byte stays. It signs links to other hosts, `mailto:` and `javascript:` links, and the
//! address in `<base>`, all of which breaks them; here only links into this site are signed. It puts the parameter behind
//! a fragment, where no server sees it, and signs the fragment; here the parameter goes before it. What a browser escapes
//! in a query is signed as the browser sends it; there such links are refused when they come back.

mod html;
mod reference;
mod signer;

pub use html::sign_page;
pub use reference::Page;
pub use signer::{Key, Method, Place, Salt, Signer, hash, is_right, split_hash};
