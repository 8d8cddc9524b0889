package sealed

import "github.com/gputally/gputally/reporter/usage"

// Row is a usage.Segment with the columns that its fields go to. The two
// convert into each other, so a field without a column does not compile.
//
// Names repeat and are stored as codes. Times and quantities are stored as
// differences, which zstd packs better than whole numbers; shares are few.
type Row struct {
	Cluster  string `parquet:"cluster,dict"`
	Node     string `parquet:"node,dict"`
	NodePool string `parquet:"node_pool,dict"`
	UUID     string `parquet:"uuid,dict"`
	Model    string `parquet:"model,dict"`

	State     usage.State `parquet:"state,dict"`
	Namespace string      `parquet:"namespace,dict"`
	Pod       string      `parquet:"pod,dict"`
	PodUID    string      `parquet:"pod_uid,dict"`
	Container string      `parquet:"container,dict"`

	HeldFrom int64   `parquet:"held_from,delta,timestamp(millisecond)"`
	HeldTo   int64   `parquet:"held_to,delta,timestamp(millisecond)"`
	Share    float64 `parquet:"share,dict"`

	GPUMillis         int64 `parquet:"gpu_ms,delta"`
	ActiveMillis      int64 `parquet:"active_ms,delta"`
	IdleMillis        int64 `parquet:"idle_ms,delta"`
	ObservedMillis    int64 `parquet:"observed_ms,delta"`
	EstimatedMillis   int64 `parquet:"estimated_ms,delta"`
	MemoryByteSeconds int64 `parquet:"memory_byte_seconds,delta"`
	EnergyMillijoules int64 `parquet:"energy_mj,delta"`
}

// EdgeRow is a usage.Edge with its columns.
type EdgeRow struct {
	UUID      string `parquet:"uuid,delta"`
	Pod       string `parquet:"pod,delta"`
	Container string `parquet:"container,dict"`
	Start     int64  `parquet:"start,delta,timestamp(millisecond)"`
	Total1    int64  `parquet:"total_1,delta"`
	Total2    int64  `parquet:"total_2,delta"`
	Total3    int64  `parquet:"total_3,delta"`
	Total4    int64  `parquet:"total_4,delta"`
	Total5    int64  `parquet:"total_5,delta"`
	Total6    int64  `parquet:"total_6,delta"`
}

// NewEdgeRow makes a row of an edge.
func NewEdgeRow(e usage.Edge) EdgeRow {
	t := e.Total
	return EdgeRow{e.UUID, e.Pod, e.Container, e.Start, t[0], t[1], t[2], t[3], t[4], t[5]}
}
