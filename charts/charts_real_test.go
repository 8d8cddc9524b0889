//go:build real

package charts_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// tool runs one of the pinned tools and returns its standard output.
func tool(t *testing.T, stdin, name string, args ...string) (string, error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", ".tools", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing; run make tools", name)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if err != nil {
		return out.String() + errs.String(), err
	}
	return out.String(), nil
}

func render(t *testing.T, values string) string {
	t.Helper()
	out, err := tool(t, "", "helm", "template", "gputally", "gputally", "--namespace", "gpu", "--values", values)
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, out)
	}
	return out
}

func TestChartRendersWhatIsExpectedAndValid(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"minimal", "full", "shared", "gke"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := render(t, filepath.Join("testdata", name+".values.yaml"))
			golden := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("rendering differs from %s (-want +got):\n%s", golden, diff)
			}
			out, err := tool(t, got, "kubeconform", "-strict", "-summary",
				"-schema-location", "testdata/schemas/{{.ResourceKind}}{{.KindSuffix}}.json", "-")
			if err != nil || !strings.Contains(out, "Skipped: 0") {
				t.Errorf("kubeconform: %v\n%s", err, out)
			}
		})
	}
}

func TestLintIsClean(t *testing.T) {
	t.Parallel()
	if out, err := tool(t, "", "helm", "lint", "--strict", "gputally", "--values", "testdata/full.values.yaml"); err != nil {
		t.Errorf("helm lint: %v\n%s", err, out)
	}
}

func TestMissingSettingsAreNamed(t *testing.T) {
	t.Parallel()
	out, err := tool(t, "", "helm", "template", "gputally", "gputally")
	if err == nil || !strings.Contains(out, "reporter.config.cluster is required") {
		t.Errorf("an empty configuration renders: %v\n%s", err, out)
	}
}

// The collector's promises to those who have to let it onto their nodes.
func TestCollectorIsUnprivilegedAndAloneOnItsNode(t *testing.T) {
	t.Parallel()
	var set struct {
		Kind string
		Spec struct {
			UpdateStrategy struct {
				RollingUpdate struct{ MaxSurge int }
			} `yaml:"updateStrategy"`
			Template struct {
				Spec struct {
					AutomountServiceAccountToken bool `yaml:"automountServiceAccountToken"`
					HostPID                      bool `yaml:"hostPID"`
					HostNetwork                  bool `yaml:"hostNetwork"`
					Containers                   []struct {
						SecurityContext struct {
							Privileged               bool
							AllowPrivilegeEscalation bool `yaml:"allowPrivilegeEscalation"`
							ReadOnlyRootFilesystem   bool `yaml:"readOnlyRootFilesystem"`
							Capabilities             struct{ Add, Drop []string }
						} `yaml:"securityContext"`
						VolumeMounts []struct {
							MountPath string `yaml:"mountPath"`
							ReadOnly  bool   `yaml:"readOnly"`
						} `yaml:"volumeMounts"`
					}
				}
			}
		}
	}
	for _, doc := range strings.Split(render(t, "testdata/full.values.yaml"), "\n---\n") {
		if strings.Contains(doc, "kind: DaemonSet") {
			if err := yaml.Unmarshal([]byte(doc), &set); err != nil {
				t.Fatal(err)
			}
		}
	}
	pod := set.Spec.Template.Spec
	if set.Kind != "DaemonSet" || len(pod.Containers) != 1 {
		t.Fatal("no DaemonSet with one container")
	}
	c := pod.Containers[0].SecurityContext
	switch {
	case set.Spec.UpdateStrategy.RollingUpdate.MaxSurge != 0:
		t.Error("maxSurge lets two collectors meter one node")
	case pod.AutomountServiceAccountToken:
		t.Error("the collector gets a token of the API server")
	case pod.HostPID, pod.HostNetwork:
		t.Error("the collector shares namespaces of the host")
	case c.Privileged, c.AllowPrivilegeEscalation, !c.ReadOnlyRootFilesystem:
		t.Errorf("the container's security context is too wide: %+v", c)
	case len(c.Capabilities.Add) > 0, !cmp.Equal(c.Capabilities.Drop, []string{"ALL"}):
		t.Errorf("capabilities: %+v", c.Capabilities)
	}
	for _, m := range pod.Containers[0].VolumeMounts {
		if !m.ReadOnly {
			t.Errorf("%s is mounted for writing", m.MountPath)
		}
	}
}
