//! What becomes of uploaded files when their transaction is over.

use std::path::Path;

use crate::transaction::{Settled, Transaction};

impl Transaction {
    /// Moves the files that are to be kept into `SecUploadDir` and removes the others. `relevant`: the audit log would take
    /// the transaction.
    ///
    /// Compat: a file that cannot be moved is removed all the same, and the next one is tried; mod_security2 gives up and
    /// leaves all of them in `SecTmpDir`.
    pub(super) fn settle_uploads(&mut self, relevant: bool) {
        let config = std::sync::Arc::clone(&self.config);
        let keeps = config.keeps_uploads(relevant);
        let directory = config.upload_dir.as_deref().map(Path::new);
        let settled = self.body.settle_files(directory.filter(|_| keeps));
        if keeps && directory.is_none() && !settled.is_empty() {
            self.report(
                b"Input filter: SecUploadDir is undefined, unable to store multipart files.",
            );
        }
        let mut lost = 0;
        let mut reason = None;
        for file in settled {
            match file {
                Settled::Kept(from, to) => self.debug(4, |_| {
                    let (from, to) = (from.display(), to.display());
                    format!("Input filter: Moved file from \"{from}\" to \"{to}\".").into_bytes()
                }),
                Settled::Removed(path) => self.debug(4, |_| {
                    format!("Multipart: Deleted file (part) \"{}\"", path.display()).into_bytes()
                }),
                Settled::Lost(path, error) => {
                    lost += 1;
                    reason.get_or_insert((path, error));
                }
            }
        }
        // One line, however many files a client sends.
        if let (Some((path, error)), Some(directory)) = (reason, directory) {
            let (path, directory) = (path.display(), directory.display());
            let text = format!(
                "Input filter: Failed to move {lost} uploaded files to \"{directory}\", the first \"{path}\": {error}"
            );
            self.engine_alert(text.as_bytes());
        }
    }
}
