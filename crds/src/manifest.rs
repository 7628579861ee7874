//! YAML text to objects, with the rules that the API server would apply.
