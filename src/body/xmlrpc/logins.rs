//! Which methods of the blogging interfaces carry credentials, and where.

use super::{SubCall, ValueRef};

impl<'c> SubCall<'c> {
    /// User name and password, where the method takes both and both are strings.
    pub fn credentials(&self) -> Option<(&'c [u8], &'c [u8])> {
        let at = self.credentials_at()?;
        match self.params.get(at..at + 2)? {
            [user, password] => Some((user.string()?, password.string()?)),
            _ => None,
        }
    }

    /// The user's name as it was sent, where the method takes one; the inner `None` where it is missing or of no such type.
    pub fn user(&self) -> Option<Option<ValueRef<'c>>> {
        Some(self.params.get(self.credentials_at()?).copied())
    }

    /// Which parameter of a method of the blogging interfaces is the user's name; the password follows it.
    ///
    /// It is the second, after the number of the weblog, but for a few exceptions.
    fn credentials_at(&self) -> Option<usize> {
        let method = self.method.to_ascii_lowercase();
        match method.as_slice() {
            b"wp.getusersblogs" => Some(0),
            b"blogger.getusersblogs" | b"blogger.getuserinfo" | b"metaweblog.getusersblogs" => {
                Some(1)
            }
            b"wp.getpage" | b"wp.editpage" | b"metaweblog.deletepost" => Some(2),
            method if method.starts_with(b"blogger.") => Some(2),
            method => [&b"wp."[..], b"metaweblog.", b"mt.", b"b2."]
                .iter()
                .any(|family| method.starts_with(family))
                .then_some(1),
        }
    }
}
