//! How the program is linked: its relocations packed (DT_RELR, glibc 2.36), a twentieth of their room.

fn main() {
    println!("cargo:rerun-if-changed=packaging/link.rs");
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
