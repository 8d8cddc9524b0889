// Package collectortest runs the collector's binary for tests, on a node whose
// driver is the stand-in of nvmltest and whose kubelet is that of kubelettest,
// and reads what it shows on /metrics.
//
//	node := collectortest.NewNode(t, nvmltest.Node(2))
//	p := collectortest.Start(t, node.Command(t, binary))
//	p.Until(t, "the GPU is up", func(s collectortest.Scrape) bool { return s.Is(1, &metric.DeviceUp, uuid) })
//
// Nothing sleeps: a wait asks for a condition until it holds, or fails the test
// when Patience is over.
//
// Only tests may import this package.
package collectortest
