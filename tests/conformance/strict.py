"""Stricter than botocore's parser: it drops what it does not know, and this reports it.

Every element or field of an answer must be in the service's model, every value of an
enumeration one of its values, every flag `true` or `false`.
"""

import json
import re
import xml.etree.ElementTree as ElementTree


def problems(operation, body: bytes) -> list[str]:
    """What in a successful answer the model of its operation does not know."""
    if operation.service_model.resolved_protocol in ("json", "rest-json"):
        shape = operation.output_shape
        return [] if shape is None else _field(shape, json.loads(body), operation.name)
    root = ElementTree.fromstring(body)
    shape = operation.output_shape
    where = operation.name
    if operation.service_model.metadata["protocol"] == "ec2":
        extra = [child for child in root if _tag(child) == "requestId"]
        return [] if shape is None else _structure(shape, root, where, ignore=extra)
    wrapper = shape.serialization.get("resultWrapper") if shape is not None else None
    found = []
    for child in root:
        if _tag(child) == "ResponseMetadata":
            continue
        if wrapper is not None and _tag(child) == wrapper:
            found += _structure(shape, child, where)
        elif len(child) or shape is not None:
            found.append(f"{where}: <{_tag(child)}> is no part of the answer")
    return found


def _tag(element) -> str:
    return element.tag.split("}")[-1]


def _value(shape, element, where: str) -> list[str]:
    if shape.type_name == "structure":
        return _structure(shape, element, where)
    if shape.type_name == "list":
        return _list(shape, element, where)
    text = element.text or ""
    if len(element):
        return [f"{where}: a value has elements in it"]
    if shape.type_name == "boolean" and text not in ("true", "false"):
        return [f"{where}: {text!r} is neither true nor false"]
    if shape.type_name == "string" and getattr(shape, "enum", None) and text not in shape.enum:
        return [f"{where}: {text!r} is none of {', '.join(shape.enum)}"]
    return []


def _structure(shape, element, where: str, ignore=()) -> list[str]:
    members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    found = []
    seen = set()
    for child in element:
        name = _tag(child)
        if child in ignore:
            continue
        if name not in members:
            found.append(f"{where}: <{name}> is not in the model")
        elif name in seen and not members[name].serialization.get("flattened"):
            found.append(f"{where}: <{name}> comes twice")
        else:
            found += _value(members[name], child, f"{where}.{name}")
        seen.add(name)
    return found


def _list(shape, element, where: str) -> list[str]:
    expected = shape.member.serialization.get("name", "member")
    found = []
    for child in element:
        if _tag(child) != expected:
            found.append(f"{where}: <{_tag(child)}> where <{expected}> belongs")
        else:
            found += _value(shape.member, child, where)
    return found


# What a document holds for each kind of value.
KINDS = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int, "long": int}
KINDS |= {"double": float}


def _field(shape, value, where: str) -> list[str]:
    kind = KINDS.get(shape.type_name)
    if kind is not None and type(value) is not kind:
        return [f"{where}: {value!r} is no {shape.type_name}"]
    if shape.type_name == "structure":
        unknown = [f"{where}: {name} is not in the model" for name in value if name not in shape.members]
        known = [(name, shape.members[name], each) for name, each in value.items() if name in shape.members]
        return unknown + [found for name, of, each in known for found in _field(of, each, f"{where}.{name}")]
    if shape.type_name == "map":
        return [found for name, each in value.items() for found in _field(shape.value, each, f"{where}.{name}")]
    if shape.type_name == "list":
        return [found for at, each in enumerate(value) for found in _field(shape.member, each, f"{where}[{at}]")]
    if shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{where}: {value!r} is none of {', '.join(shape.enum)}"]
    pattern = shape.metadata.get("pattern")
    if shape.type_name == "string" and pattern and not re.search(pattern, value):
        return [f"{where}: {value!r} is not as the model's pattern"]
    if shape.type_name == "string" and len(value) < shape.metadata.get("min", 0):
        return [f"{where}: {value!r} is too short"]
    return []
