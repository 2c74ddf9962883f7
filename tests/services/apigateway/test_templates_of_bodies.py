"""Mapping templates: Velocity's language and what API Gateway adds to it."""

import json
from typing import Any

import pytest

from fogbank.services.apigateway.json_path import find
from fogbank.services.apigateway.vtl.errors import TemplateError, Unsupported
from fogbank.services.apigateway.vtl.template import Template
from fogbank.services.apigateway.vtl.variables import Input, Util

BODY = {"name": "Rex", "age": 7, "tags": ["a", "b"], "owner": {"name": "Ann", "cars": []}, "none": None}
PARAMS = {"path": {"id": "1"}, "querystring": {"q": "x", "id": "2"}, "header": {"X-A": "h"}}


def rendered(template: str, body: str | None = None) -> str:
    variables: dict[str, Any] = {
        "input": Input(json.dumps(BODY) if body is None else body, PARAMS),
        "util": Util(),
        "context": {"stage": "test", "identity": {"sourceIp": "1.2.3.4"}, "requestOverride": {"header": {}}},
        "stageVariables": {"colour": "blue"},
    }
    return Template(template).render(variables)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain # $ text, $5, #fff", "plain # $ text, $5, #fff"),
        ("$context.stage ${context.identity.sourceIp} $!context.nothing", "test 1.2.3.4 "),
        ("$stageVariables.colour and $stageVariables.nothing.", "blue and ."),
        ("$undefined|${undefined}|$!undefined", "||"),
        ("\\$input and \\#if", "$input and #if"),
        ("a ## comment\nb #* and\nmore *#c", "a b c"),
        ("#[[ $not #read ]]#", " $not #read "),
        ("$input.json('$.name') $input.path('$.age')", '"Rex" 7'),
        ("$input.json('$.owner')", '{"name":"Ann","cars":[]}'),
        ("$input.json('$.nothing')|$input.path('$.nothing')", '""|'),
        ("$input.path('$.owner')", "{name=Ann, cars=[]}"),
        ("$input.path('$').tags[1] $input.path('$.tags')", 'b ["a","b"]'),
        ("$input.params('id') $input.params('q') $input.params('x-a') $input.params('no')", "1 x h "),
        ("$input.params().querystring.id $input.params().header.get('X-A')", "2 h"),
        ("$util.escapeJavaScript('it''s \"x\"/é')", 'it\\\'s \\"x\\"\\/\\u00E9'),
        ("$util.urlEncode('a b&c') $util.urlDecode('a+b%26c')", "a+b%26c a b&c"),
        ("$util.base64Encode('abc') $util.base64Decode('YWJj')", "YWJj abc"),
        ("#set($x = $util.parseJson('{\"a\": [1, 2]}'))$x.a[1]", "2"),
        ("#set($x = 'a $context.stage')$x|#set($y = \"b $context.stage\")$y", "a $context.stage|b test"),
        ("#set($d = -7 / 2)$d #set($m = -7 % 2)$m", "-3-1"),
        ("#set($n = 2 * (3 + 4) - 1)$n #set($d = 7 / 2)$d #set($m = 7 % 4)$m", "1333"),
        ("#set($l = [1, 'two', true])$l $l.size() $l[1]", "[1, two, true] 3 two"),
        ('#set($m = {"a": 1, "b": $context.stage})$m $m.a $m["b"]', "{a=1, b=test} 1 test"),
        ("#set($m = {})#set($m.x = 1)#set($m['y'] = 2)$m", "{x=1, y=2}"),
        ("#if($input.path('$.age') > 5)old#else young#end", "old"),
        ("#if($nothing)a#elseif($context.stage == 'test')b#else c#end", "b"),
        ("#if(!$nothing && ($context.stage != 'live' || false))yes#end", "yes"),
        ("#if($nothing == '' and $nothing == $null)empty#end", "empty"),
        ("#foreach($t in $input.path('$.tags'))$t#if($foreach.hasNext),#end#end", "a,b"),
        ("#foreach($i in [1..3])$i:$foreach.index:$foreach.count #end", "1:0:1 2:1:2 3:2:3 "),
        ("#foreach($i in [1..9])#if($i == 3)#break#end$i#end", "12"),
        ("#foreach($k in $input.path('$.owner').keySet())$k #end", "name cars "),
        ("one#stop two", "one"),
        ("  #set($x = 1)\n$x\n", "1\n"),
        ("#if(true)\nyes\n#end\nafter", "yes\nafter"),
        ("$input.path('$.name').toUpperCase().replace('E', 'i') $input.path('$.name').length()", "RiX 3"),
        ("#set($s = 'a-b-c')#set($x = $s.split('-'))$x[2] $s.substring(2) $s.replaceAll('[a-c]', 'x')", "c b-c x-x-x"),
        ("$context.requestOverride.header.put('a', 'b')#set($x = $context.requestOverride.header.a)$x", "b"),
    ],
)
def test_a_template_gives_its_text(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize(
    "template",
    [
        "#if($x)",
        "#foreach($e in {'a': 1}.entrySet())x#end",  # Methods are asked of references only.
        "#set($x = 'a-b-c'.split('-'))$x[2]",
        "#foreach($x in )#end",
        "#set(1 = 2)",
        "#set($x = 'open)",
        "$util.parseJson('{')",
        "#foreach($i in [1..1001])$i#end",
        "#foreach($i in [1..900])#foreach($j in [1..900])x#end#end",
        "#if(" + "(" * 200 + "1" + ")" * 200 + ")#end",
        "$input.path('$[?(@.a)]')",
    ],
)
def test_a_template_that_cannot_be_read_or_goes_on_for_too_long_fails(template: str) -> None:
    with pytest.raises(TemplateError):
        rendered(template)


@pytest.mark.parametrize("directive", ["macro", "parse", "include", "evaluate", "define"])
def test_directives_that_are_not_there_are_named(directive: str) -> None:
    with pytest.raises(Unsupported, match=directive):
        Template(f"#{directive}($x)#end")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", {"a": [{"b": 1}, {"b": 2}], "c d": {"e": 3}}),
        ("$.a[0].b", 1),
        ("a[-1].b", 2),
        ("$['c d']['e']", 3),
        ("$.a[*].b", [1, 2]),
        ("$..b", [1, 2]),
        ("$.a[0:1]", [{"b": 1}]),
        ("$.a[0,1].b", [1, 2]),
        ("$.x.y", None),
        ("$.a.b", None),
    ],
)
def test_a_path_finds_its_values(path: str, value: Any) -> None:
    assert find({"a": [{"b": 1}, {"b": 2}], "c d": {"e": 3}}, path) == value
