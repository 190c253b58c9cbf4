"""The error codes in the OpenAPI document, and whether the sentences of an error are made of its parameters.

`x-error-codes` and `x-field-codes` list every code and its sentences. A client makes its own sentences of code and
parameters; so an error must have every parameter of its sentence, and a field no others. Called by contract.py.
"""
import json
import re

NAME = re.compile(r"\{([A-Za-z]+)\}")
SENTENCE_MAX = 255  # bytes; a longer one is cut
PLAIN = {"field", "code", "message"}  # members of a field's error that are no parameters


def error_of(components, body):
    """The first difference between an error, as bytes, and the list; None if there is none."""
    data = json.loads(body, parse_float=str, parse_int=str)  # numbers as they were written
    entry = components["x-error-codes"].get(data["error"])
    if entry is None:
        return f"{data['error']} is not in the list"
    fitting = [each for each in entry["sentences"] if all(data.get(name) is not None for name in NAME.findall(each))]
    exact = [each for each in fitting if NAME.search(each)][:1] or fitting
    if data["message"] not in [filled(each, data) for each in exact]:
        return f"the message is none of {exact}"
    for field in data.get("fields", ()):
        sentence = components["x-field-codes"].get(field["code"], "")
        if set(NAME.findall(sentence)) != field.keys() - PLAIN:
            return f"the parameters of {field['code']} are not those of {sentence!r}"
        if field["message"] != filled(sentence, field):
            return f"the message of {field['code']} is not {sentence!r}"
    return None


def filled(sentence, values):
    """A sentence with its parameters."""

    def text(found):
        value = values[found.group(1)]
        return ", ".join(value) if isinstance(value, list) else str(value)

    made = NAME.sub(text, sentence).encode("utf-8", "surrogatepass")
    return made[:SENTENCE_MAX].decode("utf-8", "ignore")
