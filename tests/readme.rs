//! The console blocks of README.md are run, and say what is true.

#[test]
fn the_readme_is_true() {
    trycmd::TestCases::new().case("README.md");
}
