//! What is odd about a multipart body.

macro_rules! flags {
    ($($field:ident $variable:literal $doc:literal,)*) => {
        /// One flag for each way in which a body deviates from what a browser sends.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Flags {
            /// The body is malformed; the parser gave up. Part of the strict error, without a variable of its own.
            pub error: bool,
            $(#[doc = $doc] pub $field: bool,)*
        }

        impl Flags {
            /// The value of the variable of this name (`MULTIPART_…`, in any case), if there is such a flag.
            pub fn variable(&self, name: &str) -> Option<bool> {
                $(if name.eq_ignore_ascii_case($variable) {
                    return Some(self.$field);
                })*
                match name {
                    _ if name.eq_ignore_ascii_case("MULTIPART_CRLF_LF_LINES") => Some(self.crlf_lf_lines()),
                    _ if name.eq_ignore_ascii_case("MULTIPART_STRICT_ERROR") => Some(self.strict_error()),
                    _ => None,
                }
            }
        }
    };
}

flags! {
    boundary_quoted "MULTIPART_BOUNDARY_QUOTED" "The boundary in `Content-Type` is in quotes.",
    boundary_whitespace "MULTIPART_BOUNDARY_WHITESPACE" "White space stands next to the `=` of the boundary parameter.",
    data_before "MULTIPART_DATA_BEFORE" "There is data before the first boundary.",
    data_after "MULTIPART_DATA_AFTER" "There is data after the last boundary.",
    header_folding "MULTIPART_HEADER_FOLDING" "A part's header is folded.",
    crlf_line "MULTIPART_CRLF_LINE" "A line of a part's header, or a boundary, ends in CR LF.",
    lf_line "MULTIPART_LF_LINE" "A line of a part's header, or one at a boundary, ends in LF alone.",
    missing_semicolon "MULTIPART_MISSING_SEMICOLON" "No semicolon stands before the boundary parameter.",
    invalid_quoting "MULTIPART_INVALID_QUOTING" "Single quotes are used, or quotes are misplaced, in `Content-Disposition`.",
    invalid_part "MULTIPART_INVALID_PART" "A part ends in its header, or has no line between header and boundary.",
    invalid_header_folding "MULTIPART_INVALID_HEADER_FOLDING" "A header is folded with something else than blanks.",
    file_limit_exceeded "MULTIPART_FILE_LIMIT_EXCEEDED" "There are more files than `SecUploadFileLimit`.",
    unmatched_boundary "MULTIPART_UNMATCHED_BOUNDARY" "A line looks like a boundary, but is none.",
}

impl Flags {
    /// Both line endings are used (`MULTIPART_CRLF_LF_LINES`).
    pub fn crlf_lf_lines(&self) -> bool {
        self.crlf_line && self.lf_line
    }

    /// Anything but the most regular body (`MULTIPART_STRICT_ERROR`).
    ///
    /// Compat: the composition of 2.9; `CRLF_LF_LINES` and `UNMATCHED_BOUNDARY` are not in it.
    pub fn strict_error(&self) -> bool {
        self.error
            || self.boundary_quoted
            || self.boundary_whitespace
            || self.data_before
            || self.data_after
            || self.header_folding
            || self.lf_line
            || self.missing_semicolon
            || self.invalid_quoting
            || self.invalid_part
            || self.invalid_header_folding
            || self.file_limit_exceeded
    }
}
