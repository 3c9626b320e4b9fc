//! Printing that nobody has to read.
//!
//! The standard library's `println!` panics when the reader has gone (`bench-cli plot … | head -1`) or the terminal
//! was closed (SIGHUP): a night's sweep should not end for want of a reader. These macros take the place of the
//! standard ones in the whole crate.

/// As `std::println`, but a text that cannot be written is dropped.
macro_rules! println {
    ($($text:tt)*) => {{
        use ::std::io::Write as _;
        let _ = ::std::writeln!(::std::io::stdout().lock(), $($text)*);
    }};
}

/// As `std::eprintln`, but a text that cannot be written is dropped.
macro_rules! eprintln {
    ($($text:tt)*) => {{
        use ::std::io::Write as _;
        let _ = ::std::writeln!(::std::io::stderr().lock(), $($text)*);
    }};
}
