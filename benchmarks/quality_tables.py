import json


def read(path):
    return [json.loads(l) for l in path.read_text("utf-8").splitlines()] if path.exists() else []
