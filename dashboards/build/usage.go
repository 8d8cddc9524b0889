package build

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/gputally/gputally/collector/metric"
	books "github.com/gputally/gputally/reporter/metric"
)

// onNodes joins series by GPU with the node that the GPU is in.
var onNodes = fmt.Sprintf("* on (uuid) group_left (node) max by (uuid, node) (%s{node=~\"$node\"})", metric.DeviceInfo.Name)

// Usage is the dashboard of allocation, memory, quota and cost.
func Usage() (dashboard.Dashboard, error) {
	d, err := dashboard.NewDashboardBuilder("GPU usage").
		Uid("gputally-usage").
		Description("Who holds the GPUs, what they do with them, what is left of the quota and what it costs.").
		Tags([]string{"gputally", "gpu"}).
		Time("now-24h", "now").
		Timezone("browser").
		Refresh("1m").
		Editable().
		Annotations(nil).
		Links(nil).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus")).
		WithVariable(variable("node", "Node", fmt.Sprintf("label_values(%s, node)", metric.DeviceInfo.Name))).
		WithVariable(variable("namespace", "Namespace", fmt.Sprintf("label_values(%s, namespace)", metric.ContainerShare.Name))).
		WithRow(dashboard.NewRowBuilder("Now")).
		WithPanel(fleet()).
		WithPanel(tenants()).
		WithRow(dashboard.NewRowBuilder("Utilization")).
		WithPanel(memory()).
		WithPanel(utilization()).
		WithPanel(idle()).
		WithRow(dashboard.NewRowBuilder("Quota and cost")).
		WithPanel(quota()).
		WithPanel(overQuota()).
		WithPanel(cost()).
		WithPanel(coverage()).
		Build()
	number(d.Panels)
	return d, err
}

// number gives panels and rows ids, by which links and alerts refer to them.
func number(panels []dashboard.PanelOrRowPanel) {
	for i := range panels {
		id := uint32(i + 1)
		if p := panels[i].Panel; p != nil {
			p.Id = &id
		}
		if r := panels[i].RowPanel; r != nil {
			r.Id = id
		}
	}
}

func fleet() cog.Builder[dashboard.Panel] {
	return lines("GPUs by state", "Physical GPUs: allocated, unallocated, unattributed or unavailable. The parts are the fleet.", units.Short, 12).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal)).
		WithTarget(query("A", "{{state}}", "sum by (state) (rate(%s[$__rate_interval]) %s)", metric.DeviceSeconds.Name, onNodes))
}

func tenants() cog.Builder[dashboard.Panel] {
	return lines("Allocated GPUs by namespace", "Shares of physical GPUs held, summed.", units.Short, 12).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal)).
		WithTarget(query("A", "{{namespace}}", "sum by (namespace) (%s{namespace=~\"$namespace\"})", metric.ContainerShare.Name))
}

func memory() cog.Builder[dashboard.Panel] {
	return lines("GPU memory utilization by node", "Memory in use divided by memory installed.", units.PercentUnit, 8).
		Max(1).
		WithTarget(query("A", "{{node}}", "sum by (node) (%s %s) / sum by (node) (%s %s)",
			metric.DeviceMemoryUsed.Name, onNodes, metric.DeviceMemoryTotal.Name, onNodes))
}

func utilization() cog.Builder[dashboard.Panel] {
	return lines("GPU utilization by node", "Busy seconds per second, averaged over the node's GPUs.", units.PercentUnit, 8).
		Max(1).
		WithTarget(query("A", "{{node}}", "avg by (node) (rate(%s[$__rate_interval]) %s)", metric.DeviceActiveSeconds.Name, onNodes))
}

func idle() cog.Builder[dashboard.Panel] {
	return lines("Held but idle, by namespace", "GPUs held whose utilization was zero, where activity is known.", units.Short, 8).
		WithTarget(query("A", "{{namespace}}", "sum by (namespace) (rate(%s{namespace=~\"$namespace\"}[$__rate_interval]))", metric.ContainerIdleSeconds.Name))
}

func quota() cog.Builder[dashboard.Panel] {
	return lines("Quota and use by project", "Average GPUs of the latest closed hour: held, and deserved by quota.", units.Short, 12).
		WithTarget(query("A", "{{project}} held", "sum by (project) (%s)", books.ProjectAllocatedGPUs.Name)).
		WithTarget(query("B", "{{project}} deserved", "sum by (project) (%s)", books.ProjectDeservedGPUs.Name))
}

func overQuota() cog.Builder[dashboard.Panel] {
	return bars("Over quota", "Average GPUs held beyond the quota in the latest closed hour.", units.Short).
		WithTarget(query("A", "{{project}} {{node_pool}}", "%s", books.ProjectOverQuotaGPUs.Name).Instant())
}

func cost() cog.Builder[dashboard.Panel] {
	return bars("Cost this month", "Closed hours of the month, by project, in the price book's currency.", units.Short).
		WithTarget(query("A", "{{project}} ({{currency}})", "sum by (project, currency) (%s)", books.ProjectMonthCost.Name).Instant())
}

func coverage() cog.Builder[dashboard.Panel] {
	return stat.NewPanelBuilder().
		Title("Coverage of the latest closed hour").
		Description("Share of the fleet's GPU time that samples account for.").
		Datasource(source()).
		Unit(units.PercentUnit).Decimals(2).Height(8).Span(4).
		WithTarget(query("A", "{{cluster}}", "%s", books.HourCoverage.Name).Instant())
}

// source refers to the dashboard's variable.
func source() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("$datasource")}
}

func query(ref, legend, format string, args ...any) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(ref).LegendFormat(legend).Datasource(source()).Expr(fmt.Sprintf(format, args...))
}

func lines(title, description, unit string, span uint32) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().
		Title(title).Description(description).Datasource(source()).
		Unit(unit).Min(0).Height(8).Span(span).FillOpacity(15).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).Calcs([]string{})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

func bars(title, description, unit string) *bargauge.PanelBuilder {
	return bargauge.NewPanelBuilder().
		Title(title).Description(description).Datasource(source()).
		Unit(unit).Min(0).Height(8).Span(4)
}

func variable(name, label, definition string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).
		Query(dashboard.StringOrMap{String: &definition}).
		Datasource(source()).
		Multi(true).IncludeAll(true).AllValue(".*").
		Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc)
}
