# SPDX-License-Identifier: Apache-2.0
"""Marked files, written with what becomes of them: `«foo:1→IMAGE»` is foo:1 before and the image after.

`#M` is a marker of policy apps:web for the whole image, `#N`, `#T` and `#D` for its name, tag and digest, and
`#E` one for the tag of apps:odd, which reads like a number.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from policies.images.setters import Image

WEB = Image("ghcr.io/acme/web", "2.0.0", "sha256:" + "0123456789abcdef" * 4)
ODD = Image("ghcr.io/acme/odd", "1e3")
POLICIES = {"apps:web": WEB, "apps:odd": ODD}

_MARKS = {"#M": "apps:web", "#N": "apps:web:name", "#T": "apps:web:tag", "#D": "apps:web:digest"}
_MARKS |= {"#E": "apps:odd:tag", "#U": "apps:gone", "#R": "apps:odd:digest"}
_NEW = {"IMAGE": WEB.part("image"), "NAME": WEB.name, "TAG": WEB.tag, "DIGEST": WEB.digest, "ODD": ODD.tag}


class Case(NamedTuple):
    before: bytes
    after: bytes


def marker(policy: str) -> str:
    return f'# {{"$imagepolicy": "{policy}"}}'


def case(text: str) -> Case:
    for short, policy in _MARKS.items():
        text = text.replace(short, marker(policy))
    after = re.sub("«[^→]*→([^»]*)»", lambda found: re.sub("[A-Z]{3,}", _new, found[1]), text)
    return Case(re.sub("«([^→]*)→[^»]*»", r"\1", text).encode(), after.encode())


def _new(found: re.Match[str]) -> str:
    return _NEW[found[0]]


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web   # the front
  namespace: shop
spec:
  template:
    spec:
      containers:
      - name: web
        image: «ghcr.io/acme/web:1.9.0→IMAGE»  #M
        args: ["--image", "ghcr.io/acme/web:1.9.0"]
      -   name:   side
          image:  'ghcr.io/acme/side:1'
          env: [  {name: A,   value: "ghcr.io/acme/web:1.9.0"}, ]
"""
KUSTOMIZATION = """\
kind: Kustomization
images:
- name: web
  newName: «acme/web→NAME» #N
  newTag: «"1.9"→"TAG"» #T
  digest: «sha256:00→DIGEST» #D
"""
VALUES = """\
image:
    repository: «acme/web→NAME»    #N
    tag: «v1→TAG» #T
other: {repository: x, tag: «v1→TAG», #T
        pull: Always}
"""

# Flux sets the same values.
SAME = {
    "deployment": DEPLOYMENT,
    "kustomization": KUSTOMIZATION,
    "values": VALUES,
    "windows": DEPLOYMENT.replace("\n", "\r\n"),
    "windows above": "a:\r\n#M\r\n- «foo→IMAGE»\r\n",
    "byte order mark": "\ufeff" + KUSTOMIZATION,
    "no line end": "a: «foo:1→IMAGE» #M",
    "old line ends": "a: «foo:1→IMAGE» #M\rb: 1\r",
    "other line ends": "a: «foo:1→IMAGE» #M\x85b: «foo:1→IMAGE» #M\u2028c: 1\n",
    "beyond ASCII": "ü: «föö 😀→IMAGE» #M\nb: 😀 # «\n".replace("«\n", "\n"),
    "a long line": "a: «" + "x" * 300 + "→IMAGE» #M\nb: " + "word " * 80 + "\n",
    "tabs": "a:\t«foo:1→IMAGE»\t#M\t\n",
    "documents": "---\na: «foo:1→IMAGE» #M\n---\n# c\nb: «bar→IMAGE» #M\n...\n",
    "an empty document": "a: «foo→IMAGE» #M\n---\n---\n# x\n",
    "single quotes": "a: «'1'→'TAG'» #T\nb: «''→'IMAGE'» #M\nc: «'it''s'→'IMAGE'» #M\n",
    "double quotes": 'a: «"1"→"TAG"» #T\nb: «""→"IMAGE"» #M\nc: «"\\u0041\\"#"→"IMAGE"» #M\n',
    "several lines": "a: «foo\n  bar→IMAGE» #M\nb: «'foo\n\n   bar'→'IMAGE'» #M\n"
    'c: «"foo\\\n  bar"→"IMAGE"» #M\n',
    "a text that becomes a number": "a: «v1→\"ODD\"» #E\nb: «'v1'→'ODD'» #E\n"
    'c: {d: «v1→"ODD"», #E\n  e: 1}\n',
    "a number that becomes one": 'a: «1.9→"ODD"» #E\n',
    "yes is a text": "a: «yes→TAG» #T\n",
    "an anchor": "a: &x «foo:1→IMAGE» #M\nb: *x\n",
    "an anchor and a tag": "a: &x !!str «foo→IMAGE» #M\nb: !!str &y «foo→IMAGE» #M\n"
    "c: [*x, *y]\nd: !my «foo→IMAGE» #M\n",
    "an anchor above": "a: &x\n  «foo→IMAGE» #M\nb: &y #M\n  «foo→IMAGE»\n",
    "an anchor and another line end": "a: &x #M\x85  «foo→IMAGE»\nb: *x\n",
    "an anchor with two": "a: &x #M\n #M\n  «foo→IMAGE»\nb: *x\n",
    "merged": "x: &d\n  image: «foo:1→IMAGE» #M\ny:\n  <<: *d\n",
    "a list": "a:\n- «foo:1→IMAGE» #M\n- b\n-   «c→IMAGE»  #M\n",
    "above in a list": "a:\n- b\n#M\n- «foo→IMAGE»\n- - c\nd:\n  - e\n\n    #M\n  - «foo→IMAGE»\n",
    "behind a dash": "a:\n- #M\n  «foo:1→IMAGE»\n- c\n",
    "on the next line": "a:\n  #M\n  «foo:1→IMAGE»\nb: # x\n#M\n  «foo:1→IMAGE»\nc:\n  «foo:1→IMAGE» #M\n",
    "a block": "a: |- #M\n  «foo:1→IMAGE»\nb: 1\n",
    "a block with its line end": "a: «>→>-» #M\n  «foo:1→IMAGE»\nb: «|→|-» #M\n  «foo\n  bar→IMAGE»\nc: 1\n",
    "a block that keeps": "a: «|+→|-» #M\n    «foo→IMAGE»\n\n\nb: 1\n",
    "an indented block": "a: «|2→|2-» #M\n«   foo→  IMAGE»\nb:\n- «>1+→>1-» #M\n«   foo→ IMAGE»\n",
    "a block with an empty line": "a: «|→|-» #M\n«\n  foo→  IMAGE»\nb: 1\n",
    "above a block": "a:\n#M\n- |-\n  «foo→IMAGE»\n",
    "a flow": "a: {image: «foo:1→IMAGE», #M\n  b: c}\nd: [x, «foo:1→IMAGE», #M\n  y]\n",
    "a flow's end": "a: {b: c, image: «foo:1→IMAGE» #M\n}\nd: [«foo:1→IMAGE» #M\n]\n",
    "a flow's comma": "a: [«foo→IMAGE»\n  , #M\n b]\nc: {i: «foo→IMAGE» #M\n  , d: e}\n",
    "above in a flow": "a: [\n  #M\n  «foo→IMAGE»,\n  b]\n",
    "JSON": '{"a": «"foo"→"IMAGE"», #M\n"b": 1}\n',
    "no space": 'a: «foo:1→IMAGE» #{"$imagepolicy":"apps:web"}\nb: «"foo"→"IMAGE"»#M\n',
    "more signs": 'a: «foo→IMAGE» ### { "$imagepolicy"\t: "apps:web", "x": "y" }\n',
    "escaped": 'a: «foo→IMAGE» # {"$imagepolicy":"apps\\u003aweb"}\n',
    "twice in a marker": 'a: «foo→IMAGE» # {"$imagepolicy":"z:b", "$imagepolicy":"apps:web"}\n',
    "more comments": "a: «foo:1→IMAGE» #M\n  # more\nb: 1\n",
    "odd keys": "? [x]\n: «foo→IMAGE» #M\n1: «foo→IMAGE» #M\n~: «foo→IMAGE» #M\n'a b' : «foo→IMAGE» #M\n",
    "the same key elsewhere": "a: {image: foo}\nb:\n  image: foo\nc:\n  image: «foo→IMAGE» #M\n",
    "the first of a key": "a: «foo:1→IMAGE» #M\na: bar\n",
    "no digest": 'd: «sha256:00→""» #R\n',
    "in quotes besides": 'a: «1e3→"ODD"» #E\nb: «foo→IMAGE» #M\n',
    "settled": "a: 2.0.0 #T\nb: «1.0→TAG» #T\n".replace("1.0", "v1"),
}

# Where Flux sets nothing either: the reason, and the line that the note names.
LEFT = {
    "unparsable": ("a: foo #M\nb: [\n", "unreadable", 3),
    "a tab as indentation": ("a:\n\tb: foo #M\n", "unreadable", 2),
    "an unknown alias": ("a: foo #M\nb: *zz\n", "unreadable", 2),
    "an alias of another document": ("a: &x foo #M\n---\nb: *x\n", "unreadable", 3),
    "a control character": ("a: foo #M\nb: \x01\n", "unreadable", 2),
    "a list at the top": ("- foo #M\n", "unreadable", 1),
    "a list in a later document": ("a: foo #M\n---\n- foo #M\n", "unreadable", 3),
    "a text at the top": ("--- foo #M\n", "unreadable", 1),
    "a template that does not parse": ("{{- if .Values.x }}\na: foo #M\n{{- end }}\n", "template", 1),
    "a template as a value": ("b: 1\na: {{ .Values.image }} #M\n", "template", 2),
    "no JSON": ("b: 1\na: foo #M and more\n", "malformed", 2),
    "two markers": ("a: foo #M #M\n", "malformed", 1),
    "a list of markers": ('a: foo # [{"$imagepolicy": "apps:web"}]\n', "malformed", 1),
    "a number in a marker": ('a: foo # {"$imagepolicy": "apps:web", "x": 1}\n', "malformed", 1),
    "nothing in a marker": ('a: foo # {"$imagepolicy": ""}\n', "malformed", 1),
    "no namespace": ('a: foo # {"$imagepolicy": "web"}\n', "malformed", 1),
    "a slash": ('a: foo # {"$imagepolicy": "apps/web"}\n', "malformed", 1),
    "an unknown part": ('a: foo # {"$imagepolicy": "apps:web:version"}\n', "malformed", 1),
    "too many parts": ('a: foo # {"$imagepolicy": "apps:web:tag:x"}\n', "malformed", 1),
    "an unknown policy": ("a: foo #U\n", "unknown-policy", 1),
    "an alias": ("a: &x foo\nb: *x #M\n", "no-value", 2),
    "no value": ("a: #T\nb: 1\n", "no-value", 1),
    "an anchor without a value": ("a: &x #M\nb: *x\n", "no-value", 1),
    "a key": ("a: #M\n  foo\n", "no-value", 1),
    "a complex key": ("? foo #M\n: bar\n", "no-value", 1),
    "a flow's key": ("a: {foo, #M\n b: 1}\n", "no-value", 1),
    "a mapping": ("a: #M\n  b: foo\n", "no-value", 1),
    "a whole flow": ("a: [foo, bar] #M\n", "no-value", 1),
    "above a key": ("b: 1\n#M\na: foo\n", "no-value", 2),
    "above a mapping": ("a:\n#M\n- image: foo\n", "no-value", 2),
    "below": ("a: foo\n#M\n\nb: 1\n", "no-value", 2),
    "above, but not next to it": ("a:\n- b\n#M\n\n- foo\n", "no-value", 3),
    "above, among other comments": ("a:\n# x\n#M\n- foo\n", "no-value", 3),
    "above, among others on Windows": ("a:\r\n# x\r\n#M\r\n- foo\r\n", "no-value", 3),
    "above what has a comment": ("a:\n#M\n- foo # x\n", "no-value", 2),
    "above lists in a list": ("a:\n#M\n- - foo\n", "no-value", 2),
    "at a document": ("--- #M\na: foo\n", "no-value", 1),
    "the second of a key": ("a: foo\na: foo #M\n", "no-value", 2),
}

# Where the two differ, and ours is right; the reason of a note.
DIFFERS = {
    "null": ('a: «null→TAG» #T\nb: «~→"ODD"» #E\n', ""),
    "a number": ("a: «1.9→TAG» #T\n", ""),
    "a truth": ("a: «true→TAG» #T\n", ""),
    "a tag that is no text's": ("a: !!float 1 #T\n", "no-text"),
    "a list of objects": (
        "kind: List\nitems:\n- kind: A\n  metadata: {name: x}\n  image: «foo→IMAGE» #M\n",
        "",
    ),
    "a template elsewhere": ("a: {{ .Values.x }}\nb: foo #M\n", "template"),
    "a template in quotes": ('a: "{{ .Values.x }}" #M\n', "template"),
    "a template in a text": ("a: web:{{ .Values.x }} #M\n", "template"),
    "metadata that is none": ("metadata: 1\na: «foo→IMAGE» #M\n", ""),
    "a dash and nothing": ("a:\n- #M\n- b\n", "no-value"),
    "a block without a line": ("a: |- #M\nb: 1\n", "no-value"),
    "a directive": ("%YAML 1.1\n---\na: «foo→IMAGE» #M\n", ""),
    "behind a document's begin": ("a: 1\n--- {b: «foo→IMAGE» #M\n}\n", ""),
}
