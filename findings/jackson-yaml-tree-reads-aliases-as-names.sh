#!/usr/bin/env bash
# jackson-dataformat-yaml 2.22.4 (snakeyaml 2.5), seen 2026-12-01 with Temurin 25: YAMLMapper.readTree does not look aliases
# up. "*vol" becomes the text "vol", the anchor's name, whatever the anchor stands for, a mapping included, without an error, and a
# JsonNode does not tell it from a text that was written so. Binding to classes looks up only objects with an identity
# (@JsonIdentityInfo); snakeyaml itself, one layer below, resolves the same document. A configuration that says
# "name: *vol" thereby makes something called "vol".
# Seen: "tree: text vol / text size", "snakeyaml: data / {gib=80}".
# Touches us in the reader of gateway.yaml and unit.yaml: YamlTraps looks at snakeyaml's events first and refuses aliases by line;
# GatewayConfigTest.whatYamlWouldReadAsSomethingElseIsRefusedByLine shows it.
# Needs a JDK of at least 17 and Maven. Fails if what was seen changes.
set -euo pipefail
version=2.22.4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >pom.xml <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>f</groupId><artifactId>f</artifactId><version>1</version>
  <dependencies><dependency><groupId>com.fasterxml.jackson.dataformat</groupId><artifactId>jackson-dataformat-yaml</artifactId><version>$version</version></dependency></dependencies>
</project>
POM
mvn -B -q -ntp org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory=lib >mvn.log 2>&1 || { cat mvn.log; exit 1; }
cat >Aliases.java <<'JAVA'
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.util.Map;

public class Aliases {
    public static void main(String[] arguments) throws Exception {
        String yaml = "first: &vol data\nshape: &size {gib: 80}\nname: *vol\nlength: *size\n";
        JsonNode tree = new YAMLMapper().readTree(yaml);
        System.out.println("tree: " + shown(tree.get("name")) + " / " + shown(tree.get("length")));
        Map<String, Object> resolved = new org.yaml.snakeyaml.Yaml().load(yaml);
        System.out.println("snakeyaml: " + resolved.get("name") + " / " + resolved.get("length"));
    }

    static String shown(JsonNode node) {
        return (node.isTextual() ? "text " : "") + node.asText();
    }
}
JAVA
"${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp 'lib/*' Aliases.java | tee seen
grep -qx 'tree: text vol / text size' seen
grep -qx 'snakeyaml: data / {gib=80}' seen
