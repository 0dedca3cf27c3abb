// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeConfiguration
import Testing

/// Prints a tree in one canonical line, so that cases can be written as text.
func canonical(_ object: ConfigurationObject) -> String {
    "{" + object.fields.map { "\($0.name):\(canonical($0.value))" }.joined(separator: ",") + "}"
}

func canonical(_ node: ConfigurationNode) -> String {
    switch node.content {
    case .null: "null"
    case .text(let text, _): "'\(text)'"
    case .list(let items): "[" + items.map { canonical($0) }.joined(separator: ",") + "]"
    case .object(let object): canonical(object)
    }
}

func read(
    _ text: String, environment: [String: String] = [:], files: [String: String] = [:]
) throws(ConfigurationError) -> String {
    let includes = IncludeResolver { name, _ in
        files[name].map { .found(file: name, bytes: Array($0.utf8)) } ?? .missing
    }
    let document = try HOCONReader.read(
        Array(text.utf8), file: "jvb.conf", environment: environment, includes: includes)
    return canonical(document.root)
}

@Suite("HOCON constructs")
struct HOCONConstructTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        let tree: String

        init(_ testDescription: String, _ text: String, _ tree: String) {
            self.testDescription = testDescription
            self.text = text
            self.tree = tree
        }
    }

    static let cases: [Case] = [
        Case("empty file", "", "{}"),
        Case("only comments", "# a\n// b\n\n", "{}"),
        Case("root without braces", "a = 1\nb : 2", "{a:'1',b:'2'}"),
        Case("root with braces", "{ a = 1 }\n# end\n", "{a:'1'}"),
        Case("byte order mark", "\u{FEFF}a = 1", "{a:'1'}"),
        Case("CRLF line ends", "a = 1\r\nb {\r\n c = x y\r\n}\r\n", "{a:'1',b:{c:'x y'}}"),
        Case("comments after values", "a = 1 # one\nb = 2 // two", "{a:'1',b:'2'}"),
        Case("comment characters in quotes", "a = \"k3#p//t\"", "{a:'k3#p//t'}"),
        Case("comment ends an unquoted value", "a = se#cret", "{a:'se'}"),
        Case("slashes inside unquoted text start a comment", "a = http//x", "{a:'http'}"),
        Case("one slash is text", "a = /tmp/x", "{a:'/tmp/x'}"),
        Case("object after key without separator", "a { b = 1 }", "{a:{b:'1'}}"),
        Case("object after equals", "a = { b = 1 }", "{a:{b:'1'}}"),
        Case("dotted keys at root and nested", "a.b.c = 1\na { b.d = 2 }", "{a:{b:{c:'1',d:'2'}}}"),
        Case("quoted segments keep dots", "a.\"b.c\".d = 1", "{a:{b.c:{d:'1'}}}"),
        Case("spaces inside keys", "my key = 1", "{my key:'1'}"),
        Case("numeric and hyphenated keys", "20 = 15\nx-y_Z = 1", "{20:'15',x-y_Z:'1'}"),
        Case("number with a dot as key is a path", "10.5 = x", "{10:{5:'x'}}"),
        Case("commas, newlines and a trailing comma", "a = 1, b = 2,\nc = [1, 2\n3,]", "{a:'1',b:'2',c:['1','2','3']}"),
        Case("comma on its own line", "a = 1\n,\nb = 2", "{a:'1',b:'2'}"),
        Case("objects merge", "a { x = 1 }\na { y = 2 }", "{a:{x:'1',y:'2'}}"),
        Case("later text replaces", "a = 1\na = 2", "{a:'2'}"),
        Case("a non-object between objects stops the merge", "a { x = 1 }\na = 5\na { y = 2 }", "{a:{y:'2'}}"),
        Case("text replaces an object", "a { x = 1 }\na = 5", "{a:'5'}"),
        Case("JSON escapes", #"a = "\"\\\/\b\f\n\r\t\u0041\uD83D\uDE00""#, "{a:'\"\\/\u{8}\u{C}\n\r\tA😀'}"),
        Case("a lone surrogate becomes the replacement character", #"a = "\uD83D""#, "{a:'\u{FFFD}'}"),
        Case("triple quotes", "a = \"\"\"x \\n \"y\"\nz\"\"\"\"", "{a:'x \\n \"y\"\nz\"'}"),
        Case("unquoted text keeps inner spaces", "a =   10 Mbps  ", "{a:'10 Mbps'}"),
        Case(
            "text that starts like a number", "a = 10.20.0.7\nb = 1234e567-89ab\nc = 15ms\nd = 0 %",
            "{a:'10.20.0.7',b:'1234e567-89ab',c:'15ms',d:'0 %'}"),
        Case("numbers stay as written", "a = 007\nb = 1e+5\nc = 1.50", "{a:'007',b:'1e+5',c:'1.50'}"),
        Case("booleans are text here", "a = True\nb = FALSE\nc = yes", "{a:'True',b:'FALSE',c:'yes'}"),
        Case("null", "a = 1\na = null", "{a:null}"),
        Case("null in quotes is text", "a = \"null\"", "{a:'null'}"),
        Case("substitution", "a = 1\nb = ${a}", "{a:'1',b:'1'}"),
        Case("forward reference", "b = ${a}\na = 1", "{b:'1',a:'1'}"),
        Case("substitution of a path", "x { y.z = 1 }\nb = ${x.y}", "{x:{y:{z:'1'}},b:{z:'1'}}"),
        Case("missing optional leaves no key", "a = ${?nope}", "{}"),
        Case("missing optional keeps the earlier value", "port = 10000\nport = ${?NOPE}", "{port:'10000'}"),
        Case("optional in text is empty", "a = x${?nope}y", "{a:'xy'}"),
        Case("text concatenation", "host = h\na = \"wss://\"${host}\":443\"", "{host:'h',a:'wss://h:443'}"),
        Case("spaces between substitutions", "h = x\na = ${h}  ${h}", "{h:'x',a:'x  x'}"),
        Case("list concatenation", "x = [1]\na = ${x} [2]", "{x:['1'],a:['1','2']}"),
        Case("object concatenation", "x { p = 1, q = 1 }\na = ${x} { q = 2 }", "{x:{p:'1',q:'1'},a:{p:'1',q:'2'}}"),
        Case("self-reference", "a = [1]\na = ${a} [2]", "{a:['1','2']}"),
        Case("self-reference from inside an object", "a { b = 1, c = ${a.b} }", "{a:{b:'1',c:'1'}}"),
        Case("append", "a = [1]\na += 2\na += 3", "{a:['1','2','3']}"),
        Case("append to nothing", "a += 1", "{a:['1']}"),
        Case(
            "override of a base object", "base { x = 1, y = 1 }\na = ${base}\na { y = 2 }\nb = ${a.x}",
            "{base:{x:'1',y:'1'},a:{x:'1',y:'2'},b:'1'}"),
        Case("override seen through a substitution", "a { x = 1 }\nb = ${a.x}\na { x = 2 }", "{a:{x:'2'},b:'2'}"),
        Case("objects in lists", "a = [{ b = 1 }, { b = 2 } ]", "{a:[{b:'1'},{b:'2'}]}"),
        Case("nested empty things", "a = {}\nb = []\nc = \"\"", "{a:{},b:[],c:''}"),
        Case("a key named include", "include = 1", "{include:'1'}"),
        Case("a key that starts with include", "includes { x = 1 }", "{includes:{x:'1'}}"),
        Case("missing include is skipped", "a = 1\ninclude \"nowhere.conf\"", "{a:'1'}"),
        Case("unicode text", "a = grüße über alles", "{a:'grüße über alles'}"),
        Case("value on the next line", "a =\n  1", "{a:'1'}"),
        Case("JSON is HOCON", #"{"a": {"b": [1, true, null, "x"]}}"#, "{a:{b:['1','true',null,'x']}}"),
    ]

    @Test("is read as the specification says", arguments: cases)
    func construct(_ example: Case) throws {
        #expect(try read(example.text) == example.tree)
    }

    @Test(
        "every white space that HOCON names is one, wherever white space may be",
        arguments: [
            0x09, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0xA0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004,
            0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF,
        ])
    func whiteSpace(_ code: UInt32) throws {
        let space = String(try #require(Unicode.Scalar(code)))
        let text = "_a_=_1_,_b_{_c_:_x_y_}_\n_l_=_[_1_,_2_]_\n_r_=_${a}_\n_include_\"i.conf\"_\n_"
        #expect(
            try read(text.replacing("_", with: space), files: ["i.conf": "\(space)i\(space)=\(space)1\(space)"])
                == "{a:'1',b:{c:'x\(space)y'},l:['1','2'],r:'1',i:'1'}")
    }

    @Test("what only looks like white space belongs to the text", arguments: ["\u{200B}", "\u{180E}", "\u{85}"])
    func noWhiteSpace(_ text: String) throws {
        #expect(try read("a = \(text)1\(text)") == "{a:'\(text)1\(text)'}")
    }

    @Test("environment variables stand in for missing paths, empty ones included")
    func environment() throws {
        let environment = ["JVB_PORT": "10077", "EMPTY": ""]
        #expect(try read("p = 1\np = ${?JVB_PORT}", environment: environment) == "{p:'10077'}")
        #expect(try read("p = ${JVB_PORT}", environment: environment) == "{p:'10077'}")
        #expect(try read("p = 1\np = ${?EMPTY}", environment: environment) == "{p:''}")
        #expect(try read("JVB_PORT = 5\np = ${JVB_PORT}", environment: environment) == "{JVB_PORT:'5',p:'5'}")
    }

    @Test("includes merge where they stand, at the root and inside objects")
    func includes() throws {
        let files = ["extra.conf": "x = 2\ny = ${x}\nz = ${outer}", "list.properties": "# c\nq.r = 5\n"]
        #expect(
            try read("outer = o\nx = 1\ninclude \"extra.conf\"", files: files) == "{outer:'o',x:'2',y:'2',z:'o'}")
        #expect(
            try read("outer = o\na { x = 1\n include file(\"extra.conf\") }", files: files)
                == "{outer:'o',a:{x:'2',y:'2',z:'o'}}")
        #expect(try read("include \"extra\"\nouter = o", files: files) == "{x:'2',y:'2',z:'o',outer:'o'}")
        #expect(try read("include \"list\"", files: files) == "{q:{r:'5'}}")
        #expect(try read("include required(file(\"extra.conf\"))\nouter=1", files: files).contains("y:'2'"))
    }

    @Test("system properties rank below the file")
    func systemProperties() throws {
        let document = try HOCONReader.read(
            Array("a.b = file".utf8), file: "jvb.conf",
            systemProperties: [("a.b", "property"), ("a.c", "property")])
        #expect(canonical(document.root) == "{a:{b:'file',c:'property'}}")
    }
}
