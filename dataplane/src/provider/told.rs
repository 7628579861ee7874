//! What models are told where their provider has no field for the form of the answer. That the answer follows it is then
//! the model's word, not the provider's.

/// For `json_object`.
pub(super) const JSON: &str =
    "Answer with one JSON object and nothing else: no code fence, no words around it.";

/// For a schema.
pub(super) fn schema(schema: &str) -> String {
    format!(
        "Answer with one JSON object that follows this JSON schema, and with nothing else: no code fence, no words \
         around it.\n{schema}"
    )
}
